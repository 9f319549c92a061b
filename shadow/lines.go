package shadow

import (
	"bufio"
	"bytes"
	"errors"
	"io"
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
