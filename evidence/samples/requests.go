package samples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
)

// requests asks a source for recorded requests of the time, and chooses.
func (a Asker) requests(ctx context.Context, q Ask, asked record.Collected) (record.Samples, error) {
	fields, err := allow(q.Samples.Fields)
	if err != nil {
		return record.Samples{}, err
	}
	c, bad := choice{q: q}, shadow.Bad{}
	take := func(p part) error {
		defer p.in.Close()
		if p.less != "" {
			asked.Part = append(asked.Part, p.less)
		}
		err := readRequests(ctx, q, p, &bad, c.take)
		return asIfEnded(err, p.name, &asked)
	}
	if q.Source.Kind() == "loki" {
		err = a.each(q, func(side filled) error { return a.lokiRequests(ctx, q, side, take) })
	} else {
		err = a.parts(ctx, q, take)
	}
	if err = partly(err, &asked, c.read); err != nil {
		return record.Samples{}, err
	}
	all, harmful, from := c.end()
	asked.Read, asked.Harm, asked.SlowMS, asked.Fields = c.read, harmful, from, q.Samples.Fields
	asked.Bad, asked.First = int(bad.Count), bad.First
	return encodeRequests(all, fields, asked)
}

// readRequests hands over the records of a part that are of the time; one that does not say is.
func readRequests(ctx context.Context, q Ask, p part, bad *shadow.Bad, take func(shadow.Record)) (err error) {
	recording.ReadStream(p.in, p.name, recording.ReadOptions{})(func(r shadow.Record, problem error) bool {
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
			return false
		case problem != nil:
			if !bad.Note(problem) {
				err = problem
			}
			return err == nil
		}
		if r.Version == "" {
			r.Version = p.version
		}
		if inTime(r.TS, q) {
			take(r)
		}
		return true
	})
	return err
}

// asIfEnded takes what ends a text too early for its end: a packed file that is being written, an answer that is too long.
func asIfEnded(err error, name string, asked *record.Collected) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case errors.Is(err, outbound.ErrTooLong):
		asked.Part = append(asked.Part, fmt.Sprintf("%s: %s", name, outbound.ErrTooLong))
		return nil
	}
	return err
}

func inTime(at time.Time, q Ask) bool {
	return at.IsZero() || !at.Before(q.From) && !at.After(q.To)
}

// encodeRequests writes the chosen ones until there is no more room.
func encodeRequests(all []chosen, fields allowed, asked record.Collected) (record.Samples, error) {
	out := record.Samples{Collected: asked, Requests: []json.RawMessage{}}
	room := mostKept
	for n, one := range all {
		text, left, err := encodeRequest(one, fields)
		if err != nil {
			return out, err
		}
		if left {
			out.Left++
		}
		if room -= len(text); room < 0 {
			out.Part = append(out.Part, fmt.Sprintf("%d more had no room", len(all)-n))
			break
		}
		out.Requests = append(out.Requests, text)
	}
	return out, nil
}

// encodeRequest is one request with the fields that may be kept. One that is too long goes without bodies.
func encodeRequest(one chosen, fields allowed) (text []byte, left bool, err error) {
	for {
		kept, gone, err := fields.keepRecord(one.record)
		if err != nil {
			return nil, false, err
		}
		kept["why"] = one.why
		left = left || gone
		if text, err = json.Marshal(kept); err != nil {
			return nil, false, fmt.Errorf("encode record: %w", err)
		}
		answer := one.record.Response
		bodies := len(one.record.Request.Body)
		if answer != nil {
			bodies += len(answer.Body)
		}
		switch {
		case len(text) <= mostSample:
			return text, left, nil
		case bodies == 0: // long in another way
			short := map[string]any{"why": one.why, "id": record.Truncate(one.record.ID, record.MaxValue), "ts": one.record.TS}
			text, err = json.Marshal(short)
			return text, true, err
		}
		one.record.Request.Body, left = nil, true
		if answer != nil {
			plain := *answer
			plain.Body = nil
			one.record.Response = &plain
		}
	}
}
