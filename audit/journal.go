// Package audit keeps what proves afterwards what was done: the journal, and a folder of evidence
// for each incident. It says whether they are as they were written, against digests that were kept
// elsewhere.
//
// It never deletes what was completed, never writes it twice, and follows no link.
package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/autorollback/autorollback/record"
)

// maxLine bounds a journal line, so that a broken file cannot fill the memory.
const maxLine = 1 << 20

// ErrJournal means that a journal is not what was written: edited, cut in the
// middle, or re-ordered.
var ErrJournal = errors.New("the journal was altered")

// A Journal is an append-only file of records, one JSON object per line. Each line
// carries its number and the sha256 of the line before, so that no line can be
// changed, dropped or moved without the rest showing it. Lines cut off at the end
// show against a [record.Head] that was kept elsewhere. One process writes a journal; a
// record that was appended and then reported again after a crash is there twice,
// with the same operation id.
type Journal struct {
	mu       sync.Mutex
	file     *os.File
	size     int64 // of the good part
	head     record.Head
	recent   []record.Head // the newest ones, oldest first
	repaired int64
	replica  string
	signer   *Signer
}

type line struct {
	N        uint64 `json:"n"`
	Prev     string `json:"prev"`
	Incident string `json:"incident,omitempty"`
	record.Record
}

// OpenJournal opens or makes the file, verifies the whole chain and goes on where it
// ends. A last line that a crash left unfinished is cut off, see [Journal.Repaired];
// anything else that is wrong is [ErrJournal], and nothing is touched. It fails if
// another process has the journal open.
//
// replica is whose journal it is said to be in anchors.
func OpenJournal(path, replica string) (*Journal, error) {
	f, err := openAlone(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{file: f, replica: replica}
	if err := j.resume(); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, errors.Join(err, f.Close()))
	}
	return j, nil
}

// SetAside opens a journal like [OpenJournal]. One that was altered, or a link in its place, is kept under another name, and
// a new one begun: altered says what is wrong with it, and where it is.
func SetAside(path, replica string, now time.Time) (j *Journal, altered string, err error) {
	j, err = OpenJournal(path, replica)
	if !errors.Is(err, ErrJournal) && !errors.Is(err, errNotPlain) {
		return j, "", err
	}
	aside := path + ".altered-" + now.UTC().Format("20060102T150405.000Z")
	if wrong := os.Link(path, aside); wrong != nil { // never over another file
		return nil, "", errors.Join(err, wrong)
	}
	altered = fmt.Sprintf("%v; it is kept as %s", err, aside)
	if err := os.Remove(path); err != nil {
		return nil, altered, err
	}
	j, err = OpenJournal(path, replica)
	return j, altered, err
}

func (j *Journal) resume() error {
	if err := lock(j.file); err != nil {
		return err
	}
	c := newChain(j.file)
	err := c.readAll()
	if err != nil && !errors.Is(err, errTorn) {
		return err
	}
	j.head, j.size = c.head, c.good
	end, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if j.repaired = end - j.size; j.repaired > 0 {
		if err := j.file.Truncate(j.size); err != nil {
			return err
		}
	}
	return errors.Join(j.file.Sync(), syncDir(filepath.Dir(j.file.Name())))
}

// Repaired returns how many bytes of an unfinished last line were cut off at
// opening; 0 if there was none.
func (j *Journal) Repaired() int64 { return j.repaired }

// Head returns the last line's number and digest, to be kept elsewhere.
func (j *Journal) Head() record.Head {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head
}

// SignWith has every anchor signed from now on.
func (j *Journal) SignWith(s *Signer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.signer = s
}

// Anchor returns the head with the name of the replica, to be kept elsewhere.
func (j *Journal) Anchor() record.Anchor {
	j.mu.Lock()
	a, signer := record.Anchor{Replica: j.replica, Head: j.head}, j.signer
	j.mu.Unlock()
	if signer != nil && a.Lines > 0 {
		a.Signature = signer.sign(a)
	}
	return a
}

// Has reports whether the journal has a head that was kept elsewhere: false means that lines were
// cut off, or all was written anew. Of an old one the file is read, while others go on writing.
func (j *Journal) Has(h record.Head) (bool, error) {
	j.mu.Lock()
	size, head, recent := j.size, j.head, slices.Contains(j.recent, h)
	j.mu.Unlock()
	if recent || h.Lines == 0 || h.Lines > head.Lines {
		return recent || h.Lines == 0, nil
	}
	c := newChain(io.NewSectionReader(j.file, 0, size))
	c.expect = map[uint64]Kept{h.Lines: {Head: h}}
	err := c.readAll()
	if errors.Is(err, ErrJournal) {
		return false, nil
	}
	return err == nil, err
}

// mostRecent bounds the heads that are known without the file.
const mostRecent = 256

// Alerts returns what became of the alerts that were received since a moment, oldest first, as
// far as it was written down.
func (j *Journal) Alerts(since time.Time) ([]record.AlertResult, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []record.AlertResult
	c := newChain(io.NewSectionReader(j.file, 0, j.size))
	c.each = func(l line) {
		if l.Alert != nil && !l.Alert.At.Before(since) {
			all = append(all, *l.Alert)
		}
	}
	if err := c.readAll(); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return all, nil
}

// Append writes the records and returns once they are on the disk, with one flush for
// all. After an error none of them is in the journal.
func (j *Journal) Append(incident string, records ...record.Record) error {
	if len(records) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	head := j.head
	var lines []byte
	for _, r := range records {
		text, err := json.Marshal(line{N: head.Lines + 1, Prev: head.Digest, Incident: incident, Record: r})
		if err != nil {
			return fmt.Errorf("append to journal: %w", err)
		}
		if len(text) >= maxLine {
			return fmt.Errorf("append to journal: a record of %d bytes is too long", len(text))
		}
		lines = append(append(lines, text...), '\n')
		head = record.Head{Lines: head.Lines + 1, Digest: sum(text)}
	}
	if err := j.write(lines); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	j.size += int64(len(lines))
	j.head = head
	j.recent = append(j.recent[max(0, len(j.recent)-mostRecent+1):], head)
	return nil
}

// write puts the line at the end of the good part, so that what a failed write (disk
// full) left behind is overwritten or cut off, never continued.
func (j *Journal) write(text []byte) error {
	_, err := j.file.WriteAt(text, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	return nil
}

// Close lets go of the file.
func (j *Journal) Close() error { return j.file.Close() }

var errTorn = errors.New("the last line is unfinished (a crash while it was written); opening the journal cuts it off")

// chain reads a journal from its beginning.
type chain struct {
	in     *bufio.Reader
	head   record.Head
	good   int64           // bytes of whole, right lines
	expect map[uint64]Kept // by line
	each   func(line)      // if set, gets every right line
}

func newChain(r io.Reader) *chain { return &chain{in: bufio.NewReaderSize(r, maxLine)} }

func (c *chain) readAll() error {
	for {
		text, err := c.in.ReadSlice('\n')
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && len(text) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return errTorn
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%w: line %d has no end", ErrJournal, c.head.Lines+1)
		default:
			return err
		}
		if err := c.next(bytes.TrimSuffix(text, []byte("\n"))); err != nil {
			// A disk may keep the last block of a line and lose one before it: zeros.
			if _, more := c.in.Peek(1); errors.Is(more, io.EOF) && bytes.IndexByte(text, 0) >= 0 {
				return errTorn
			}
			return err
		}
		c.good += int64(len(text))
	}
}

func (c *chain) next(text []byte) error {
	var l line
	n := c.head.Lines + 1
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&l); err != nil || strings.TrimSpace(string(text[d.InputOffset():])) != "" {
		return fmt.Errorf("%w: line %d is not a record", ErrJournal, n)
	}
	if l.N != n {
		return fmt.Errorf("%w: line %d has the number %d", ErrJournal, n, l.N)
	}
	if l.Prev != c.head.Digest {
		return fmt.Errorf("%w: line %d does not follow the line before it", ErrJournal, n)
	}
	c.head = record.Head{Lines: n, Digest: sum(text)}
	if want, ok := c.expect[n]; ok && want.Digest != c.head.Digest {
		return fmt.Errorf("%w: line %d is not the one that %s has", ErrJournal, n, want.Where)
	}
	if c.each != nil {
		c.each(l)
	}
	return nil
}
