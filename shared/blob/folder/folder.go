package folder

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"roost/shared/blob"
)

// Options of a folder.
type Options struct {
	// Secret signs URLs; at least 32 random bytes, the same in all processes
	// that share the folder.
	Secret []byte
	// BaseURL is where [Folder.ServeHTTP] is reached, for example
	// "http://localhost:8080/blob".
	BaseURL string
	// Now is the clock of expiry, default time.Now.
	Now func() time.Time
}

// Folder is a bucket in a folder of a local disk.
type Folder struct {
	root   string
	secret []byte
	base   *url.URL
	now    func() time.Time

	// commit makes the change of one object's metadata and the removal of what
	// it replaced one step, within this process.
	commit sync.Mutex
}

var _ blob.Bucket = (*Folder)(nil)

// Open opens the folder at root and creates it if need be.
func Open(root string, options Options) (*Folder, error) {
	if len(options.Secret) < 32 {
		return nil, fmt.Errorf("open folder: secret of %d bytes, at least 32: %w", len(options.Secret), blob.ErrInvalid)
	}
	base, err := url.Parse(options.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("open folder: base URL %q: %w", options.BaseURL, blob.ErrInvalid)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if err := makeDirectory(root); err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &Folder{root: root, secret: options.Secret, base: base, now: options.Now}, nil
}

// meta is the sidecar of an object.
type meta struct {
	Object      string    `json:"object"` // file name of the bytes
	Size        int64     `json:"size"`
	ContentType string    `json:"contentType"`
	SHA256      string    `json:"sha256"`
	Modified    time.Time `json:"modified"`
}

func (m meta) info(key string) blob.Info {
	return blob.Info{
		Key: key, Size: m.Size, ContentType: m.ContentType,
		ETag: m.SHA256, SHA256: m.SHA256, Modified: m.Modified,
	}
}

// Put implements [blob.Bucket].
func (f *Folder) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	if err := blob.ValidateKey(key); err != nil {
		return blob.Info{}, fmt.Errorf("put object: %w", err)
	}
	info, err := f.put(ctx, key, body, size, contentType)
	if err != nil {
		return blob.Info{}, fmt.Errorf("put object %s: %w", key, err)
	}
	return info, nil
}

func (f *Folder) put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (blob.Info, error) {
	path := f.path(key)
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return blob.Info{}, err
	}
	nonce := rand.Text()
	object := path + objectMark + nonce
	written, sum, err := writeObject(ctx, object, body)
	if err == nil && size >= 0 && written != size {
		err = fmt.Errorf("body of %d bytes, announced %d: %w", written, size, blob.ErrInvalid)
	}
	if err != nil {
		return blob.Info{}, errors.Join(err, removeFile(object))
	}
	m := meta{
		Object: filepath.Base(object), Size: written, ContentType: contentType,
		SHA256: sum, Modified: f.now().UTC().Truncate(time.Second),
	}
	if err := f.publish(path, nonce, m); err != nil {
		return blob.Info{}, err
	}
	return m.info(key), nil
}

// publish makes m the object's metadata. Until the rename nothing has happened;
// after it only the outcome of a power cut is open.
func (f *Folder) publish(path, nonce string, m meta) error {
	fresh := path + metaMark + "." + nonce
	discard := func(err error) error {
		return errors.Join(err, removeFile(fresh), removeFile(filepath.Join(filepath.Dir(path), m.Object)))
	}
	text, err := json.Marshal(m)
	if err != nil {
		return discard(err)
	}
	if err := writeFile(fresh, text); err != nil {
		return discard(err)
	}
	f.commit.Lock()
	defer f.commit.Unlock()
	old, oldErr := readMeta(path)
	if err := os.Rename(fresh, path+metaMark); err != nil {
		return discard(err)
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", blob.ErrUnknownOutcome, err)
	}
	if oldErr == nil {
		// Left for the sweep if it fails: the put is done.
		_ = removeFile(filepath.Join(filepath.Dir(path), old.Object))
	}
	return nil
}

// Get implements [blob.Bucket].
func (f *Folder) Get(ctx context.Context, key string, part blob.Range) (io.ReadCloser, blob.Info, error) {
	if part.Offset < 0 || part.Length < 0 {
		return nil, blob.Info{}, fmt.Errorf("get object %s: range %+v: %w", key, part, blob.ErrInvalid)
	}
	file, info, err := f.open(ctx, key)
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("get object: %w", err)
	}
	if part == (blob.Range{}) {
		return &reader{ctx, file, file}, info, nil
	}
	if part.Offset >= info.Size {
		return nil, blob.Info{}, errors.Join(
			fmt.Errorf("get object %s: offset %d of %d: %w", key, part.Offset, info.Size, blob.ErrRange), file.Close())
	}
	length := info.Size - part.Offset
	if part.Length > 0 {
		length = min(length, part.Length)
	}
	return &reader{ctx, io.NewSectionReader(file, part.Offset, length), file}, info, nil
}

// open opens the current bytes of an object. They may be replaced between the
// look at the metadata and the opening, and then it looks again.
func (f *Folder) open(ctx context.Context, key string) (*os.File, blob.Info, error) {
	if err := blob.ValidateKey(key); err != nil {
		return nil, blob.Info{}, err
	}
	path := f.path(key)
	last := ""
	for {
		if err := ctx.Err(); err != nil {
			return nil, blob.Info{}, err
		}
		m, err := readMeta(path)
		if err != nil {
			return nil, blob.Info{}, fmt.Errorf("object %s: %w", key, err)
		}
		file, err := os.Open(filepath.Join(filepath.Dir(path), m.Object))
		if err == nil {
			return file, m.info(key), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || m.Object == last {
			return nil, blob.Info{}, fmt.Errorf("object %s: %w", key, err)
		}
		last = m.Object
	}
}

// Delete implements [blob.Bucket].
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := blob.ValidateKey(key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	if err := f.remove(f.path(key)); err != nil {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	return nil
}

func (f *Folder) remove(path string) error {
	f.commit.Lock()
	defer f.commit.Unlock()
	m, err := readMeta(path)
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := removeFile(path + metaMark); err != nil {
		return err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", blob.ErrUnknownOutcome, err)
	}
	return removeFile(filepath.Join(filepath.Dir(path), m.Object))
}

func readMeta(path string) (meta, error) {
	text, err := os.ReadFile(path + metaMark)
	if errors.Is(err, fs.ErrNotExist) {
		return meta{}, blob.ErrNotFound
	}
	if err != nil {
		return meta{}, err
	}
	var m meta
	if err := json.Unmarshal(text, &m); err != nil {
		return meta{}, fmt.Errorf("metadata %s: %w", path, err)
	}
	return m, nil
}

// writeObject copies body to a new file and syncs it.
func writeObject(ctx context.Context, path string, body io.Reader) (int64, string, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, "", err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), &reader{ctx, body, nil})
	if err == nil {
		err = file.Sync()
	}
	return n, hex.EncodeToString(hash.Sum(nil)), errors.Join(err, file.Close())
}

// reader reads until its context ends.
type reader struct {
	ctx   context.Context //nolint:containedctx // the port lets ctx bound reading
	inner io.Reader
	file  *os.File
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.inner.Read(p)
}

func (r *reader) Close() error { return r.file.Close() }
