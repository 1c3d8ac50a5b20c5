package folder

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"roost/shared/blob"
)

// List implements [blob.Bucket]. It walks all of the folder that can hold the
// prefix for each page, which is right for what one machine archives.
func (f *Folder) List(ctx context.Context, prefix, cursor string) (blob.Page, error) {
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return blob.Page{}, fmt.Errorf("list objects: cursor %q: %w", cursor, blob.ErrInvalid)
	}
	keys, err := f.keys(ctx, prefix, string(after))
	if err != nil {
		return blob.Page{}, fmt.Errorf("list objects: %w", err)
	}
	var page blob.Page
	if len(keys) > blob.MaxPage {
		keys = keys[:blob.MaxPage]
		page.Cursor = base64.RawURLEncoding.EncodeToString([]byte(keys[len(keys)-1]))
	}
	for _, key := range keys {
		m, err := readMeta(f.path(key))
		if errors.Is(err, blob.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return blob.Page{}, fmt.Errorf("list objects: %w", err)
		}
		info := m.info(key)
		info.ContentType, info.SHA256 = "", ""
		page.Objects = append(page.Objects, info)
	}
	return page, nil
}

// keys returns the sorted keys with the prefix, behind after.
func (f *Folder) keys(ctx context.Context, prefix, after string) ([]string, error) {
	start := f.root
	if i := strings.LastIndexByte(prefix, '/'); i > 0 && blob.ValidateKey(prefix[:i]) == nil {
		start = f.path(prefix[:i])
	}
	var keys []string
	err := f.walk(ctx, start, func(path string, _ fs.DirEntry) error {
		name, isMeta := strings.CutSuffix(path, metaMark)
		if !isMeta {
			return nil
		}
		relative, err := filepath.Rel(f.root, name)
		if err != nil {
			return err
		}
		k, err := key(relative)
		if err != nil {
			return fmt.Errorf("file %s is not ours: %w", path, err)
		}
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
		return nil
	})
	slices.Sort(keys)
	return keys, err
}

// sweepAge is how old an unused file must be, so that no upload under way loses
// its bytes.
const sweepAge = 24 * time.Hour

// Sweep removes what crashes left behind and returns how many files that were.
// Once a day is enough.
func (f *Folder) Sweep(ctx context.Context) (int, error) {
	removed := 0
	err := f.walk(ctx, f.root, func(path string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if f.now().Sub(info.ModTime()) < sweepAge || !f.unused(path) {
			return nil
		}
		removed++
		return removeFile(path)
	})
	if err != nil {
		return removed, fmt.Errorf("sweep folder: %w", err)
	}
	return removed, nil
}

// Expire removes objects that have stayed for longer than they are to, by what
// their keys begin with, and returns how many. It is what a lifecycle rule is to
// S3; once a day is enough.
func (f *Folder) Expire(ctx context.Context, lifetimes map[string]time.Duration) (int, error) {
	removed := 0
	for prefix, lifetime := range lifetimes {
		keys, err := f.keys(ctx, prefix, "")
		if err != nil {
			return removed, fmt.Errorf("expire objects: %w", err)
		}
		for _, key := range keys {
			m, err := readMeta(f.path(key))
			if errors.Is(err, blob.ErrNotFound) || err == nil && f.now().Sub(m.Modified) < lifetime {
				continue
			}
			if err == nil {
				err = f.Delete(ctx, key)
			}
			if err != nil {
				return removed, fmt.Errorf("expire object %s: %w", key, err)
			}
			removed++
		}
	}
	return removed, nil
}

func (f *Folder) unused(path string) bool {
	if strings.Contains(filepath.Base(path), metaMark+".") {
		return true
	}
	i := strings.LastIndex(path, objectMark)
	if i < 0 {
		return false
	}
	m, err := readMeta(path[:i])
	return errors.Is(err, blob.ErrNotFound) || err == nil && m.Object != filepath.Base(path)
}

func (f *Folder) walk(ctx context.Context, start string, visit func(path string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(start, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile, or nothing under the prefix
		}
		if err != nil || entry.IsDir() {
			return err
		}
		return visit(path, entry)
	})
}
