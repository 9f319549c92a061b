// Package samples asks the sources that a runbook names for recorded requests and lines of logs of one
// incident, chooses the harmful ones and a few good ones beside them, and keeps of each the fields that
// may be kept. A [Pool] does so beside everything else, a few at a time, and asks again where a source
// fails.
//
// It never decides anything, never writes to the store, and nobody ever waits for it: whoever wants
// something kept says so and continues. It never runs a command unless the daemon's flag allows it, and
// then without a shell.
package samples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What one question may cost.
const (
	mostRead   = 32 << 20         // bytes read from a source for one side; the newest, of a file
	mostKept   = 1 << 20          // bytes kept of what a source gave
	mostSample = 16 << 10         // bytes kept of one request with its answer: a longer one loses its bodies
	mostLine   = 4 << 10          // bytes kept of one line of a log
	tryWithin  = 20 * time.Second // one question to one source
)

// An Ask is a question to one source, about one incident and a time.
type Ask struct {
	Source  runbook.EvidenceSource
	Samples *runbook.Samples // what is kept of requests; nil: it is a source of logs
	Logs    *runbook.Logs    // what is kept of lines

	Service, Region   string
	Stable, Candidate record.Side
	From, To          time.Time
}

// An Asker asks sources. The zero Asker reads folders.
type Asker struct {
	Client   *http.Client // for url and loki
	Commands bool         // commands may be run
}

// Ask asks once, in [tryWithin] at most, and returns the file that is to be kept, by its name.
func (a Asker) Ask(ctx context.Context, q Ask) (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	asked := record.Collected{Source: q.Source.Name, Kind: q.Source.Kind(), At: time.Now().UTC(), From: q.From, To: q.To, First: []string{}}
	var name string
	var kept any
	var err error
	if q.Samples != nil {
		name = record.SamplesName
		kept, err = a.requests(ctx, q, asked)
	} else {
		name = record.LogName
		kept, err = a.lines(ctx, q, asked)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return map[string][]byte{name: text}, nil
}

// partly takes a question whose time was over for one that was answered, if anything was read.
func partly(err error, asked *record.Collected, read int) error {
	if read == 0 || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	asked.Part = append(asked.Part, "there was no time for more")
	return nil
}

// A part is a text that a source gave: a file, an answer, what a command printed.
type part struct {
	name    string
	version string // whose requests are in it that do not say; empty: nobody knows
	in      io.ReadCloser
	less    string // why it is not all that there is; empty: it is
}

// parts has every part of a source taken, one after the other, until there is an error.
func (a Asker) parts(ctx context.Context, q Ask, take func(part) error) error {
	switch q.Source.Kind() {
	case "dir":
		return folder(ctx, q, take)
	case "mirror":
		return mirrorLog(ctx, q, take)
	case "url":
		return a.each(q, func(side filled) error { return a.get(ctx, q, side, take) })
	case "command":
		return a.each(q, func(side filled) error { return a.run(ctx, q, side, take) })
	}
	return fmt.Errorf("%s: a source of no kind that this program knows", q.Source.Name)
}

// filled is one side's values for what a source has in braces.
type filled struct {
	version string // whose answers these are; empty: everybody's
	values  map[string]string
}

// fill puts the values where they stand in braces; other braces stay.
func (f filled) fill(text string, escape func(string) string) string {
	pairs := []string{}
	for name, value := range f.values {
		pairs = append(pairs, "{"+name+"}", escape(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// each asks for the candidate and then for the stable side, or once where the source makes no difference.
func (a Asker) each(q Ask, ask func(filled) error) error {
	text := q.Source.URL + q.Source.Query + strings.Join(q.Source.Command, " ")
	fill := func(side record.Side, whose string) filled {
		return filled{whose, map[string]string{"version": side.Version, "backend": side.Backend, "service": q.Service, "region": q.Region,
			"from": strconv.FormatInt(q.From.Unix(), 10), "to": strconv.FormatInt(q.To.Unix()+1, 10)}}
	}
	if !strings.Contains(text, "{version}") && !strings.Contains(text, "{backend}") {
		return ask(fill(q.Candidate, ""))
	}
	for _, side := range []record.Side{q.Candidate, q.Stable} {
		if side.Version == "" && side.Backend == "" {
			continue
		}
		if err := ask(fill(side, side.Version)); err != nil {
			return err
		}
	}
	return nil
}
