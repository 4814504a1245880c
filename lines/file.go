package lines

import (
	"bytes"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
)

// A File is appended to. Write is for one goroutine.
type File struct {
	path  string
	mode  os.FileMode
	stale atomic.Bool // whether the next Write is to open it anew
	file  *os.File
	begun []byte // the part of a line that the file's end holds
	first []byte // is to be written before all else
}

// OpenFile opens a file to append to, or makes it with a mode. A line at its end that a crash cut off is
// ended, so that the next one is whole.
func OpenFile(path string, mode os.FileMode) (*File, error) {
	f := &File{path: path, mode: mode}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reopen has the next Write open the file by its name anew, as after somebody renamed it.
func (f *File) Reopen() { f.stale.Store(true) }

// Write appends text to the file. If it is opened anew in the middle of a line, that line begins again.
func (f *File) Write(text []byte) (int, error) {
	if f.stale.Swap(false) {
		if err := f.open(); err != nil {
			f.stale.Store(true)
			return 0, err
		}
	}
	if len(f.first) > 0 {
		n, err := f.append(f.first)
		f.first = f.first[n:]
		if err != nil {
			return 0, err
		}
	}
	if len(text) == 0 {
		return 0, nil
	}
	return f.append(text)
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// open takes the place of the file that was open, if one was. A pipe without a reader is an error, and no wait.
func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, f.mode)
	if err != nil {
		return err
	}
	if info, err := file.Stat(); err == nil && info.Size() == 0 && info.Mode().IsRegular() {
		_ = file.Chmod(f.mode) // whatever the process's umask: it says who may read it
	}
	if f.file != nil {
		_ = f.file.Close()
	}
	f.first = slices.Concat(f.begun, f.first)
	if cutOff(f.path) {
		f.first = slices.Concat([]byte("\n"), f.first)
	}
	f.file, f.begun = file, nil
	return nil
}

func (f *File) append(text []byte) (int, error) {
	n, err := f.file.Write(text)
	if end := bytes.LastIndexByte(text[:n], '\n'); end >= 0 {
		f.begun = append(f.begun[:0], text[end+1:n]...)
	} else {
		f.begun = append(f.begun, text[:n]...)
	}
	return n, err
}

// cutOff reports whether a file's last line has no newline. One that cannot be read has.
func cutOff(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}
