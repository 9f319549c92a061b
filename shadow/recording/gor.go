package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// gorEnd is the line behind each record of a GoReplay file.
var gorEnd = []byte("🐵🙈🙉")

// The kinds of GoReplay's records.
const (
	gorRequest  = "1"
	gorOriginal = "2"
	gorReplayed = "3"
)

// readGor reads requests and the answers of one kind from a GoReplay file.
func readGor(answers string) reader {
	return func(in io.Reader, file string, yield func(shadow.Record, error) bool) bool {
		l, wait := newLines(in), newJoiner(maxWaiting)
		for n := int64(1); ; n++ {
			at := l.n + 1
			text, err := nextGor(l)
			if errors.Is(err, io.EOF) {
				return wait.flush(yield)
			}
			if err == nil && len(text) == 0 {
				continue
			}
			if err == nil {
				err = addGor(text, answers, wait, yield)
			}
			var mistake gorProblem
			switch {
			case err == nil:
			case errors.Is(err, errStop):
				return false
			case errors.Is(err, errTooLong):
				mistake = gorProblem{err.Error(), "leave it out of the recording"}
			case !errors.As(err, &mistake):
				return yield(shadow.Record{}, err)
			}
			if mistake.what != "" && !yield(shadow.Record{}, shadow.BadRecord{File: file, Line: at, Record: n, What: mistake.what, Fix: mistake.fix}) {
				return false
			}
		}
	}
}

type gorProblem struct{ what, fix string }

func (m gorProblem) Error() string { return m.what }

// nextGor returns everything up to the end mark's line.
func nextGor(l *lines) ([]byte, error) {
	var text []byte
	var long error
	for {
		line, _, err := l.next()
		switch {
		case errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) > 0:
			return nil, gorProblem{"has no end mark", "the recorder was stopped in the middle: delete the last record"}
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case errors.Is(err, errTooLong):
			long = err
			continue
		case err != nil:
			return nil, err
		}
		if bytes.Equal(line, gorEnd) {
			return bytes.TrimSuffix(text, []byte("\n")), long
		}
		if len(text)+len(line) > maxRecord {
			long, text = errTooLong, nil
		}
		if long != nil {
			continue
		}
		text = append(append(text, line...), l.end...) // the ends belong to the payload
	}
}

func addGor(text []byte, answers string, wait *joiner, yield func(shadow.Record, error) bool) error {
	head, payload, _ := bytes.Cut(text, []byte("\n"))
	meta := strings.Fields(string(head))
	if len(meta) < 3 {
		return gorProblem{"has no first line of type, id and time", "write `<1|2|3> <id> <unix nanoseconds> [<latency>]` before the request"}
	}
	kind, id := meta[0], meta[1]
	nanos, err := strconv.ParseInt(meta[2], 10, 64)
	if err != nil {
		return gorProblem{fmt.Sprintf("has %q for its time", shadow.Clip(meta[2], 40)), "write unix nanoseconds"}
	}
	var set func(*exchange)
	switch kind {
	case gorRequest:
		set, err = gorAsked(payload, time.Unix(0, nanos).UTC())
	case gorOriginal, gorReplayed:
		if kind != answers {
			return nil
		}
		set, err = gorAnswered(payload, meta)
	default:
		return gorProblem{fmt.Sprintf("has the type %q", shadow.Clip(kind, 40)), "1 is a request, 2 its answer, 3 a replayed answer"}
	}
	if err != nil {
		return gorProblem{"is not HTTP: " + shadow.Clip(err.Error(), 200), "cut the record, or record it again"}
	}
	if !wait.add(id, set, yield) {
		return errStop
	}
	return nil
}

func gorAsked(payload []byte, at time.Time) (func(*exchange), error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(payload)))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRecord))
	if err != nil {
		return nil, err
	}
	headers := shadow.Headers{}
	for name, values := range req.Header {
		headers[name] = strings.Join(values, ", ")
	}
	return func(h *exchange) {
		h.hasRequest, h.record.TS = true, at
		h.record.Request = shadow.Request{Method: req.Method, Path: req.URL.RequestURI(), Headers: headers, Body: body}
	}, nil
}

func gorAnswered(payload []byte, meta []string) (func(*exchange), error) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(payload)), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var body io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(body, maxRecord+1))
	if err == nil && len(text) > maxRecord {
		err = errTooLong
	}
	if err != nil {
		return nil, err
	}
	answer := &shadow.Answer{Status: resp.StatusCode, Body: text}
	if len(meta) > 3 {
		if nanos, err := strconv.ParseInt(meta[3], 10, 64); err == nil && nanos > 0 {
			answer.LatencyMS = float64(nanos) / 1e6
		}
	}
	return func(h *exchange) { h.hasResponse, h.record.Response = true, answer }, nil
}
