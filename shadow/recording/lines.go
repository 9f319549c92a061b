package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/autorollback/autorollback/shadow"
)

// maxRecord is the longest record that is read, in bytes; a longer one is skipped as
// bad. It bounds what one line of a hostile file can take.
const maxRecord = 16 << 20

var errTooLong = errors.New("is longer than 16 MiB")

// lines reads a stream line by line, without ever holding more than one.
type lines struct {
	r   *bufio.Reader
	n   int64  // lines read so far
	end string // of the last line: "\n", "\r\n" or ""
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 256<<10)} }

// next returns the next line without its end, valid until the next call, and whether
// an end was there: a last line without one may be torn. Past the last line it returns
// io.EOF, for a line that is too long errTooLong.
func (l *lines) next() (line []byte, whole bool, err error) {
	line, err = l.r.ReadSlice('\n')
	if err == nil {
		return l.trim(line), true, nil
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.r.ReadSlice('\n')
		if len(long) <= maxRecord {
			long = append(long, line...)
		}
	}
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	if len(long) == 0 {
		return nil, false, io.EOF
	}
	whole = err == nil
	if len(long) > maxRecord {
		l.n++
		return nil, whole, errTooLong
	}
	return l.trim(long), whole, nil
}

func (l *lines) trim(line []byte) []byte {
	l.n++
	text := bytes.TrimSuffix(line, []byte("\n"))
	if len(text) < len(line) {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	l.end = string(line[len(text):])
	return text
}

// readJSONL reads the canonical format: one Record a line, empty lines allowed.
func readJSONL(in io.Reader, file string, yield func(shadow.Record, error) bool) bool {
	l, n := newLines(in), int64(0)
	for {
		line, whole, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return true
		case err != nil && !errors.Is(err, errTooLong):
			return yield(shadow.Record{}, err)
		case err == nil && len(line) == 0:
			continue
		}
		n++
		bad := shadow.BadRecord{File: file, Line: l.n, Record: n}
		var r shadow.Record
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		switch {
		case errors.Is(err, errTooLong):
			bad.What, bad.Fix = err.Error(), "leave it out of the recording, or record less of its body"
		case err != nil && !whole:
			bad.What, bad.Fix = "is cut off", "the writer was stopped in the middle: delete the last line"
		case err != nil:
			bad.What, bad.Fix = shadow.JSONProblem(err), `write {"id","ts","segment","version","request","response"}, one object a line`
		case r.ID == "":
			bad.What, bad.Fix = "has no id", "give every record the request's id: sampling and joining go by it"
		}
		if bad.What != "" {
			if !yield(shadow.Record{}, bad) {
				return false
			}
			continue
		}
		r.Line = l.n
		if !yield(r, nil) {
			return false
		}
	}
}
