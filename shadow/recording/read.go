// Package recording reads recordings and inference logs (JSON lines, CloudEvents,
// GoReplay), and reads, writes and resumes files of pairs, all as streams.
//
// It never holds more than one record, save requests that wait for their answer. It does
// no sampling and compares nothing.
package recording

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync/atomic"

	"github.com/autorollback/autorollback/shadow"
)

// A Format is how a recording is written.
type Format string

// The formats that are read. Auto looks at the name and the first record.
const (
	Auto        Format = "auto"
	JSONL       Format = "jsonl"        // one Record a line
	CloudEvents Format = "cloudevents"  // KServe's and Seldon's inference logs: an object, an array, or one a line
	Gor         Format = "gor"          // GoReplay, the original answers
	GorReplayed Format = "gor-replayed" // GoReplay, the replayed answers
)

// Formats returns every format's name.
func Formats() []string {
	return []string{string(Auto), string(JSONL), string(CloudEvents), string(Gor), string(GorReplayed)}
}

// ReadOptions say how to read a recording. The zero value reads any format.
type ReadOptions struct {
	Format   Format
	IDHeader string        // the request header that holds the id, instead of the format's own id
	Progress *atomic.Int64 // counts the bytes read from files, before unpacking
}

// Read reads recordings, one file after the other; a name that ends in .gz is
// unpacked. A record that cannot be read is yielded as a [BadRecord], and reading goes
// on; any other error is the last.
func Read(paths []string, o ReadOptions) iter.Seq2[shadow.Record, error] {
	return func(yield func(shadow.Record, error) bool) {
		for _, path := range paths {
			if !readFile(path, o, yield) {
				return
			}
		}
	}
}

// A reader yields the records of one stream.
type reader func(in io.Reader, file string, yield func(shadow.Record, error) bool) bool

func readFile(path string, o ReadOptions, yield func(shadow.Record, error) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		yield(shadow.Record{}, fmt.Errorf("read recording: %w", err))
		return false
	}
	defer f.Close()
	in, err := unpack(path, counted{f, o.Progress})
	if err != nil {
		yield(shadow.Record{}, err)
		return false
	}
	return ReadStream(in, path, o)(yield)
}

// unpack undoes compression by the file's name.
func unpack(path string, in io.Reader) (io.Reader, error) {
	if !strings.HasSuffix(path, ".gz") {
		return in, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; its name ends in .gz, so it must be gzip: pack or rename it", path, err)
	}
	return z, nil
}

// ReadStream reads one recording. The returned function is an iter.Seq2 that also says
// whether more is wanted.
func ReadStream(in io.Reader, file string, o ReadOptions) func(yield func(shadow.Record, error) bool) bool {
	return func(yield func(shadow.Record, error) bool) bool {
		buffered := bufio.NewReaderSize(in, 64<<10)
		format := o.Format
		if format == "" || format == Auto {
			format = guess(file, buffered)
		}
		read, ok := map[Format]reader{JSONL: readJSONL, CloudEvents: readEvents, Gor: readGor(gorOriginal), GorReplayed: readGor(gorReplayed)}[format]
		if !ok {
			yield(shadow.Record{}, fmt.Errorf("read %s: unknown format %q; write one of %s", file, format, strings.Join(Formats(), ", ")))
			return false
		}
		n := int64(0)
		return read(buffered, file, func(r shadow.Record, err error) bool {
			n++
			if err != nil {
				return yield(r, withFile(file, err)) && errors.As(err, new(shadow.BadRecord))
			}
			if o.IDHeader != "" {
				r.ID = r.Request.Headers.Get(o.IDHeader)
				if r.ID == "" {
					return yield(r, shadow.BadRecord{File: file, Line: r.Line, Record: n, What: "has no header " + o.IDHeader, Fix: "log the request id, or leave out --id-header"})
				}
			}
			return yield(r, nil)
		})
	}
}

func withFile(file string, err error) error {
	if errors.As(err, new(shadow.BadRecord)) {
		return err
	}
	return fmt.Errorf("read %s: %w", file, err)
}

// guess tells a recording's format by its name, else by its beginning.
func guess(file string, in *bufio.Reader) Format {
	if strings.HasSuffix(strings.TrimSuffix(file, ".gz"), ".gor") {
		return Gor
	}
	head, _ := in.Peek(8 << 10) // a short file's error comes again when it is read
	text := strings.TrimLeft(string(head), " \t\r\n\ufeff")
	first, _, _ := strings.Cut(text, "\n")
	switch lower := strings.ToLower(first); {
	case strings.HasPrefix(text, "["), strings.Contains(lower, `"specversion"`), strings.Contains(lower, `"reqtype"`):
		return CloudEvents
	case first == "{" && (strings.Contains(text, `"specversion"`) || strings.Contains(strings.ToLower(text), `"reqtype"`)):
		return CloudEvents
	}
	return JSONL
}

// counted counts what is read through it.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.n != nil {
		c.n.Add(int64(n))
	}
	return n, err
}
