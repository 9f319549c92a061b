package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"

	"github.com/autorollback/autorollback/shadow"
)

// A file of pairs is lines of JSON: first a [PairHeader], then pairs, last, once all is
// done, the [Run]. Whoever stops in between leaves a file that can be gone on with.

// pairLine is any line of a file of pairs.
type pairLine struct {
	Schema string      `json:"schema"`
	Run    *shadow.Run `json:"run"`
	shadow.Pair
}

// ReadPairs reads a file of pairs. run is filled by the time all pairs are read; it
// stays as it is if the file has no end. A line that is torn or no pair is yielded as
// a [BadRecord].
func ReadPairs(path string, run *shadow.Run, progress *atomic.Int64) iter.Seq2[shadow.Pair, error] {
	return func(yield func(shadow.Pair, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(shadow.Pair{}, fmt.Errorf("read pairs: %w", err))
			return
		}
		defer f.Close()
		in, err := unpack(path, counted{f, progress})
		if err != nil {
			yield(shadow.Pair{}, err)
			return
		}
		readPairs(in, path, run)(yield)
	}
}

func readPairs(in io.Reader, file string, run *shadow.Run) iter.Seq2[shadow.Pair, error] {
	return func(yield func(shadow.Pair, error) bool) {
		l := newLines(in)
		for {
			line, _, err := l.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !errors.Is(err, errTooLong) {
				yield(shadow.Pair{}, fmt.Errorf("read %s: %w", file, err))
				return
			}
			var one pairLine
			if err == nil {
				err = json.Unmarshal(line, &one)
			}
			bad := shadow.BadRecord{File: file, Line: l.n, Record: l.n, Fix: "make the file again with shadow replay or shadow join"}
			switch {
			case errors.Is(err, errTooLong):
				bad.What = err.Error()
			case err != nil:
				bad.What = shadow.JSONProblem(err)
			case one.Run != nil:
				*run = *one.Run
				continue
			case one.Schema == shadow.SchemaPairs && l.n == 1:
				continue
			case one.Schema != "":
				yield(shadow.Pair{}, fmt.Errorf("read %s: line %d has the schema %q, not %q; name a file that shadow replay or shadow join wrote", file, l.n, shadow.Clip(one.Schema, 80), shadow.SchemaPairs))
				return
			case l.n == 1:
				yield(shadow.Pair{}, fmt.Errorf("read %s: is no file of pairs; name one that shadow replay or shadow join wrote", file))
				return
			case one.ID == "":
				bad.What = "has no id"
			}
			if bad.What != "" && !yield(shadow.Pair{}, bad) || bad.What == "" && !yield(one.Pair, nil) {
				return
			}
		}
	}
}

// WriteLine writes v as one line.
func WriteLine(w io.Writer, v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode a line: %w", err)
	}
	_, err := w.Write(line.Bytes())
	return err
}

// WritePairs writes pairs to a new file of pairs, with the run at its end.
func WritePairs(path string, header shadow.PairHeader, pairs func(yield func(shadow.Pair, error) bool), run *shadow.Run) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	header.Schema = shadow.SchemaPairs
	w := bufio.NewWriterSize(f, 256<<10)
	if err := WriteLine(w, header); err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	for p, err := range pairs {
		if err != nil {
			return err
		}
		if err := WriteLine(w, p); err != nil {
			return fmt.Errorf("write pairs: %w", err)
		}
	}
	if err := errors.Join(WriteLine(w, map[string]*shadow.Run{"run": run}), w.Flush(), f.Sync()); err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	return nil
}
