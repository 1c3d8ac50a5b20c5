package media

import (
	"errors"
	"os"
)

// overhead is what encryption adds to a file, in bytes: a block and a checksum.
const overhead = 64

// ErrTooLarge means that a file is larger than the host takes.
var ErrTooLarge = errors.New("the file is too large")

// File is a temporary file that does not grow beyond a limit, whatever the
// sender has said about its size. Not safe for concurrent use.
type File struct {
	file *os.File
	at   int64 // the offset of the next Write
	max  int64
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	f.at += int64(n)
	return n, err
}

// Write implements io.Writer. It returns [ErrTooLarge] beyond the limit.
func (f *File) Write(p []byte) (int, error) {
	if f.at+int64(len(p)) > f.max {
		return 0, ErrTooLarge
	}
	n, err := f.file.Write(p)
	f.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	at, err := f.file.Seek(offset, whence)
	f.at = at
	return at, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// WriteAt implements io.WriterAt. It returns [ErrTooLarge] beyond the limit.
func (f *File) WriteAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > f.max {
		return 0, ErrTooLarge
	}
	return f.file.WriteAt(p, offset)
}

// Truncate cuts the file.
func (f *File) Truncate(size int64) error { return f.file.Truncate(min(size, f.max)) }

// Stat describes the file.
func (f *File) Stat() (os.FileInfo, error) { return f.file.Stat() }
