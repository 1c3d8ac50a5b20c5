package folder

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	objectMark = "%object."
	metaMark   = "%meta"
	moreMark   = "%-" // ends a piece of a part that is too long for one name

	// A file name has 255 bytes on the usual systems; marks and a nonce take
	// the rest.
	maxName = 200
)

// path is where the files of an object stand, without their marks.
func (f *Folder) path(key string) string {
	var names []string
	for part := range strings.SplitSeq(key, "/") {
		name := encode(part)
		for len(name) > maxName {
			names = append(names, name[:maxName]+moreMark)
			name = name[maxName:]
		}
		names = append(names, name)
	}
	return filepath.Join(append([]string{f.root}, names...)...)
}

// key undoes path, for a path relative to the root.
func key(path string) (string, error) {
	name := filepath.ToSlash(path)
	return url.PathUnescape(strings.ReplaceAll(name, moreMark+"/", ""))
}

// encode leaves what is harmless on every file system. Capitals are encoded
// because some systems do not tell them from small letters.
func encode(part string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(part) {
		c := part[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// makeDirectory creates a directory and what is above it, durably.
func makeDirectory(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if err := makeDirectory(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirectory(parent)
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

func writeFile(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// removeFile removes a file that may be gone already.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
