package join

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
)

// spilled is one log, spread over files by the id's hash.
type spilled struct {
	shadow.Window
	files []string
}

// An entry is what joining needs of a record.
type entry struct {
	ID      string
	TS      time.Time
	Segment map[string]string
	Answer  shadow.Answer
}

func (j Join) spill(ctx context.Context, dir, name string, paths []string, o recording.ReadOptions, parts int, run *shadow.Run, bad *shadow.Bad) (s spilled, err error) {
	if len(paths) == 0 {
		return s, fmt.Errorf("name %s's log", name)
	}
	out, err := newSpill(dir, name, parts)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	for rec, err := range recording.Read(paths, o) {
		if err != nil {
			if bad.Note(err) {
				continue
			}
			return s, err
		}
		if err := ctx.Err(); err != nil {
			return s, err
		}
		run.Read++
		if j.Permyriad > 0 && !shadow.Sampled(rec.ID, j.Permyriad) {
			continue
		}
		run.Sampled++
		if rec.Response == nil {
			run.Unanswered++
			continue
		}
		s.Add(rec.TS)
		if err := out.add(entry{rec.ID, rec.TS, shadow.SegmentOf(j.Segments, &rec), *rec.Response}); err != nil {
			return s, fmt.Errorf("write a temporary file: %w", err)
		}
	}
	s.files = out.names
	return s, nil
}

// A spill writes entries to files.
type spill struct {
	names    []string
	files    []*os.File
	writers  []*bufio.Writer
	encoders []*json.Encoder
}

func newSpill(dir, name string, parts int) (*spill, error) {
	s := &spill{}
	for i := range parts {
		path := filepath.Join(dir, fmt.Sprintf("%s-%03d", name, i))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), s.close())
		}
		w := bufio.NewWriterSize(f, 64<<10)
		s.names, s.files, s.writers = append(s.names, path), append(s.files, f), append(s.writers, w)
		s.encoders = append(s.encoders, json.NewEncoder(w))
	}
	return s, nil
}

func (s *spill) add(l entry) error {
	// The sample goes by the hash's remainder of 10,000: another part of it is used here.
	return s.encoders[shadow.HashID(l.ID)/10_000%uint64(len(s.encoders))].Encode(l)
}

func (s *spill) close() (err error) {
	for i, f := range s.files {
		err = errors.Join(err, s.writers[i].Flush(), f.Close())
	}
	return err
}

// entries reads one file back.
func entries(path string, take func(entry) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read a temporary file: %w", err)
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReaderSize(f, 256<<10))
	for {
		var l entry
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a temporary file: %w", err)
		}
		if err := take(l); err != nil {
			return err
		}
	}
}

// joinPart joins one part of both logs. The candidate's is held in memory: of mirrored
// traffic it is the smaller one.
func joinPart(stable, candidate string, both shadow.Window, run *shadow.Run, yield func(shadow.Pair) bool) error {
	held, used := map[string]entry{}, map[string]bool{}
	if err := entries(candidate, func(l entry) error {
		if _, twice := held[l.ID]; twice {
			run.Twice++
			return nil
		}
		held[l.ID] = l
		return nil
	}); err != nil {
		return err
	}
	err := entries(stable, func(l entry) error {
		c, ok := held[l.ID]
		switch {
		case !ok:
			if holds(both, l.TS) {
				run.OnlyStable++
			}
			return nil
		case used[l.ID]:
			run.Twice++
			return nil
		}
		used[l.ID] = true
		p := shadow.Pair{ID: l.ID, TS: l.TS, Segment: l.Segment, Stable: l.Answer, Candidate: c.Answer}
		if len(p.Segment) == 0 {
			p.Segment = c.Segment
		}
		if p.TS.IsZero() {
			p.TS = c.TS
		}
		if !yield(p) {
			return errLeft
		}
		return nil
	})
	for id, c := range held {
		if !used[id] && holds(both, c.TS) {
			run.OnlyCandidate++
		}
	}
	return err
}
