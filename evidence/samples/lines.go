package samples

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
)

// lines asks a source for lines of logs of the time, and chooses: those of errors, which name the
// candidate first, then warnings, then the newest others.
func (a Asker) lines(ctx context.Context, q Ask, asked record.Collected) (record.Log, error) {
	fields, err := allow(q.Logs.Fields)
	if err != nil {
		return record.Log{}, err
	}
	c := lineChoice{most: q.Logs.Lines, candidate: []string{q.Candidate.Version, q.Candidate.Backend}}
	take := func(line record.LogLine) {
		if line.TS.IsZero() {
			line.TS = timeOf(line.Text)
		}
		if inTime(line.TS, q) {
			c.take(line)
		}
	}
	if q.Source.Kind() == "loki" {
		err = a.each(q, func(side filled) error { return a.loki(ctx, q, side, take) })
	} else {
		err = a.parts(ctx, q, func(p part) error {
			defer p.in.Close()
			if p.less != "" {
				asked.Part = append(asked.Part, p.less)
			}
			err := eachLine(ctx, p.in, func(text string) { take(record.LogLine{Text: text}) })
			return asIfEnded(err, p.name, &asked)
		})
	}
	if err = partly(err, &asked, c.read); err != nil {
		return record.Log{}, err
	}
	asked.Read, asked.Harm, asked.Fields = c.read, c.errors, q.Logs.Fields
	out := record.Log{Collected: asked, Lines: []record.LogLine{}}
	room := mostKept
	all := c.end()
	for n, line := range all {
		line, left := fields.keepLine(line)
		if left {
			out.Left++
		}
		if room -= len(line.Text); room < 0 {
			out.Part = append(out.Part, fmt.Sprintf("%d more had no room", len(all)-n))
			break
		}
		out.Lines = append(out.Lines, line)
	}
	slices.SortStableFunc(out.Lines, func(a, b record.LogLine) int { return a.TS.Compare(b.TS) })
	return out, nil
}

// eachLine reads lines; what is longer than a buffer is read in pieces, and only the first is taken.
func eachLine(ctx context.Context, in io.Reader, take func(string)) error {
	r := bufio.NewReaderSize(in, 16*mostLine)
	for inside := false; ; {
		line, err := r.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" && !inside {
			take(text)
		}
		inside = errors.Is(err, bufio.ErrBufferFull)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !inside:
			return err
		}
	}
}

// A lineChoice remembers the newest lines of each kind.
type lineChoice struct {
	most         int
	candidate    []string // its names
	read, errors int
	kinds        [4][]record.LogLine // errors that name the candidate, other errors, warnings, others
}

// names reports whether a line, or one of its labels, has the candidate's name in it.
func (c *lineChoice) names(line record.LogLine) bool {
	return slices.ContainsFunc(c.candidate, func(name string) bool {
		if name == "" {
			return false
		}
		for _, value := range line.Labels {
			if value == name {
				return true
			}
		}
		return strings.Contains(line.Text, name)
	})
}

var (
	errorLine = regexp.MustCompile(`(?i)\b(error|err|fatal|panic|critical|crit|exception|traceback|alert|emerg)\b`)
	warnLine  = regexp.MustCompile(`(?i)\b(warn|warning)\b`)
)

func (c *lineChoice) take(line record.LogLine) {
	c.read++
	kind := 3
	switch level := levelOf(line); {
	case errorLine.MatchString(level):
		kind, line.Error = 1, true
		if c.names(line) {
			kind = 0
		}
		c.errors++
	case warnLine.MatchString(level):
		kind = 2
	}
	all := append(c.kinds[kind], line)
	if len(all) >= 2*max(c.most, 1) { // not at each line
		all = byTime(all, c.most)
	}
	c.kinds[kind] = all
}

// byTime are the newest of them, the newest first.
func byTime(all []record.LogLine, most int) []record.LogLine {
	slices.SortStableFunc(all, func(a, b record.LogLine) int { return b.TS.Compare(a.TS) })
	return all[:min(len(all), most)]
}

func (c *lineChoice) end() (all []record.LogLine) {
	for _, kind := range c.kinds {
		all = append(all, byTime(kind, c.most)...)
	}
	return all[:min(len(all), c.most)]
}

// levelOf is a line's level where it says one, else its text.
func levelOf(line record.LogLine) string {
	for _, name := range []string{"level", "severity", "detected_level"} {
		if level := line.Labels[name]; level != "" {
			return level
		}
	}
	var doc struct{ Level, Severity string }
	if strings.HasPrefix(line.Text, "{") && json.Unmarshal([]byte(line.Text), &doc) == nil {
		if level := cmp.Or(doc.Level, doc.Severity); level != "" {
			return level
		}
	}
	return line.Text
}

// keepLine is a line with the fields that may be kept, if it is JSON, and not longer than it may be.
func (a allowed) keepLine(line record.LogLine) (record.LogLine, bool) {
	left := false
	if doc, is := decode([]byte(line.Text)).(map[string]any); is {
		text, err := json.Marshal(cmp.Or(a.keep(doc, nil), any(map[string]any{})))
		if line.Text = string(text); err != nil {
			line.Text, left = "", true
		}
	}
	if len(line.Text) > mostLine {
		line.Text, left = record.Truncate(line.Text, mostLine), true
	}
	return line, left
}

// timeOf is when a line says that it is of: in JSON by ts, time, timestamp or @timestamp, else by its
// first words. Zero: it does not say.
func timeOf(text string) time.Time {
	if doc, is := decode([]byte(text)).(map[string]any); is {
		for _, name := range []string{"ts", "time", "timestamp", "@timestamp"} {
			if at := momentOf(doc[name]); !at.IsZero() {
				return at
			}
		}
		return time.Time{}
	}
	words := strings.SplitN(strings.TrimLeft(text, "["), " ", 3)
	first := strings.Trim(words[0], "[],")
	if at, err := time.Parse(time.RFC3339Nano, first); err == nil {
		return at
	}
	if len(words) < 2 {
		return time.Time{}
	}
	for _, form := range []string{"2006-01-02 15:04:05", "2006/01/02 15:04:05"} {
		if at, err := time.Parse(form, first+" "+strings.Trim(words[1], "[],Z")); err == nil {
			return at
		}
	}
	return time.Time{}
}

// momentOf reads a moment in RFC 3339, or in Unix time of seconds or milliseconds.
func momentOf(v any) time.Time {
	switch v := v.(type) {
	case string:
		at, _ := time.Parse(time.RFC3339Nano, v) // zero if it is none
		return at
	case json.Number:
		f, err := v.Float64()
		if err != nil || f <= 0 {
			return time.Time{}
		}
		if f > 1e11 {
			f /= 1000
		}
		return time.UnixMicro(int64(f * 1e6)).UTC()
	}
	return time.Time{}
}
