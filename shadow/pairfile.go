package shadow

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
)

// A file of pairs is lines of JSON: first a [PairHeader], then pairs, last, once all is
// done, the [Run]. Whoever stops in between leaves a file that can be gone on with.

// pairLine is any line of a file of pairs.
type pairLine struct {
	Schema string `json:"schema"`
	Run    *Run   `json:"run"`
	Pair
}

// ReadPairs reads a file of pairs. run is filled by the time all pairs are read; it
// stays as it is if the file has no end. A line that is torn or no pair is yielded as
// a [BadRecord].
func ReadPairs(path string, run *Run, progress *atomic.Int64) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Pair{}, fmt.Errorf("read pairs: %w", err))
			return
		}
		defer f.Close()
		in, err := unpack(path, counted{f, progress})
		if err != nil {
			yield(Pair{}, err)
			return
		}
		readPairs(in, path, run)(yield)
	}
}

func readPairs(in io.Reader, file string, run *Run) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		l := newLines(in)
		for {
			line, _, err := l.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !errors.Is(err, errTooLong) {
				yield(Pair{}, fmt.Errorf("read %s: %w", file, err))
				return
			}
			var one pairLine
			if err == nil {
				err = json.Unmarshal(line, &one)
			}
			bad := BadRecord{File: file, Line: l.n, Record: l.n, Mend: "make the file again with shadow replay or shadow join"}
			switch {
			case errors.Is(err, errTooLong):
				bad.What = err.Error()
			case err != nil:
				bad.What = whatJSON(err)
			case one.Run != nil:
				*run = *one.Run
				continue
			case one.Schema == SchemaPairs && l.n == 1:
				continue
			case one.Schema != "":
				yield(Pair{}, fmt.Errorf("read %s: line %d has the schema %q, not %q; name a file that shadow replay or shadow join wrote", file, l.n, clip(one.Schema, 80), SchemaPairs))
				return
			case l.n == 1:
				yield(Pair{}, fmt.Errorf("read %s: is no file of pairs; name one that shadow replay or shadow join wrote", file))
				return
			case one.ID == "":
				bad.What = "has no id"
			}
			if bad.What != "" && !yield(Pair{}, bad) || bad.What == "" && !yield(one.Pair, nil) {
				return
			}
		}
	}
}

// writeLine writes v as one line.
func writeLine(w io.Writer, v any) error {
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
func WritePairs(path string, header PairHeader, pairs func(yield func(Pair, error) bool), run *Run) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	header.Schema = SchemaPairs
	w := bufio.NewWriterSize(f, 256<<10)
	if err := writeLine(w, header); err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	for p, err := range pairs {
		if err != nil {
			return err
		}
		if err := writeLine(w, p); err != nil {
			return fmt.Errorf("write pairs: %w", err)
		}
	}
	if err := errors.Join(writeLine(w, map[string]*Run{"run": run}), w.Flush(), f.Sync()); err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	return nil
}
