package samples

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// mostInFolder is how many files of a folder are looked at.
const mostInFolder = 10_000

// folder reads the files of a folder that were written since the time began, the newest first, until
// enough is read. A link is not followed, and a folder in it is not looked into.
func folder(ctx context.Context, q Ask, take func(part) error) error {
	root, err := os.OpenRoot(q.Source.Dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Source.Dir, err)
	}
	defer root.Close()
	files, err := since(root, q)
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Source.Dir, err)
	}
	return newestFirst(ctx, root, files, "", take)
}

// mirrorLog reads a log and those that it was rotated to: FILE, FILE.1, FILE.2.gz. What it has is the
// candidate's: copies go there.
func mirrorLog(ctx context.Context, q Ask, take func(part) error) error {
	dir, name := filepath.Split(q.Source.Mirror)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Source.Mirror, err)
	}
	defer root.Close()
	if _, err := root.Stat(name); err != nil {
		return fmt.Errorf("read %s: %w", q.Source.Mirror, err)
	}
	files, err := since(root, q)
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Source.Mirror, err)
	}
	files = slices.DeleteFunc(files, func(f fs.FileInfo) bool { return f.Name() != name && !strings.HasPrefix(f.Name(), name+".") })
	return newestFirst(ctx, root, files, q.Candidate.Version, take)
}

// since are the plain files that were written since the time began, the newest first.
func since(root *os.Root, q Ask) ([]fs.FileInfo, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	all, err := dir.Readdir(mostInFolder)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f fs.FileInfo) bool { return !f.Mode().IsRegular() || f.ModTime().Before(q.From) })
	slices.SortFunc(all, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	return all, nil
}

func newestFirst(ctx context.Context, root *os.Root, files []fs.FileInfo, version string, take func(part) error) error {
	room := int64(mostRead)
	for n, f := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := tail(root, f.Name(), room)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name(), err)
		}
		room -= min(room, f.Size())
		if p.version = version; room == 0 && n+1 < len(files) {
			p.less = fmt.Sprintf("%d older files were not read", len(files)-n-1)
		}
		if err := take(p); err != nil {
			return err
		}
		if room == 0 {
			return nil
		}
	}
	return nil
}

// tail is a file, or its newest lines if it is longer than there is room.
func tail(root *os.Root, name string, room int64) (part, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return part{}, err
	}
	p := part{name: name, in: f}
	info, err := f.Stat()
	switch {
	case err != nil:
		return p, errors.Join(err, f.Close())
	case !info.Mode().IsRegular():
		return p, errors.Join(errors.New("it is no plain file any more"), f.Close())
	case strings.HasSuffix(name, ".gz"):
		return unpacked(p, f, room)
	case info.Size() > room:
		p.less = fmt.Sprintf("the newest %d MiB of %s were read", room>>20, name)
		_, err = f.Seek(-room, io.SeekEnd)
		in := bufio.NewReader(f)
		for more := true; more && err == nil; { // the rest of a line
			_, err = in.ReadSlice('\n')
			more = errors.Is(err, bufio.ErrBufferFull)
			if more || errors.Is(err, io.EOF) {
				err = nil
			}
		}
		p.in = closing{in, f}
	}
	if err != nil {
		return p, errors.Join(err, f.Close())
	}
	return p, nil
}

// unpacked is a packed file, which is read from its beginning. Its name loses the ending, by which a
// recording's form is told.
func unpacked(p part, f *os.File, room int64) (part, error) {
	z, err := gzip.NewReader(f)
	if errors.Is(err, io.EOF) {
		p.in = closing{strings.NewReader(""), f} // nothing is written yet
		return p, nil
	}
	if err != nil {
		return p, errors.Join(err, f.Close())
	}
	p.name = strings.TrimSuffix(p.name, ".gz")
	p.in = closing{io.LimitReader(z, room), f}
	return p, nil
}

// closing reads from one, and closes another.
type closing struct {
	io.Reader
	io.Closer
}
