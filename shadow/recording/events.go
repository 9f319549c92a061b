package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// maxWaiting is how many requests wait for their answer in a stream where the two
// stand apart.
const maxWaiting = 20_000

// An event is one line of an inference log: a structured CloudEvent as KServe's and
// Seldon's loggers send them, or a record of KServe's blob logger, which has no time.
// JSON names are matched in any case, as both spellings are in use.
type event struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Time       time.Time       `json:"time"`
	Data       json.RawMessage `json:"data"`
	DataBase64 []byte          `json:"data_base64"`

	RequestID    string `json:"requestid"`    // Seldon: joins, where the id does not
	RecordedTime string `json:"recordedtime"` // KServe; in whatever form, used if it is RFC 3339
	Service      string `json:"inferenceservicename"`
	Endpoint     string `json:"endpoint"` // default or canary

	ReqType string `json:"reqType"` // blob logger
	Bytes   []byte `json:"bytes"`

	Metadata json.RawMessage `json:"metadata"` // the request's headers; an object, or one in a string
}

// readEvents reads an array of events, or events one after the other.
func readEvents(in io.Reader, file string, yield func(shadow.Record, error) bool) bool {
	buffered := bufio.NewReader(in)
	line := &lineCounter{r: buffered, n: 1}
	d := json.NewDecoder(line)
	wait, n := newJoiner(maxWaiting), int64(0)
	array, err := opensArray(buffered)
	if array {
		_, err = d.Token()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return yield(shadow.Record{}, err)
	}
	for !array || d.More() {
		line.mark = line.offset
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			// Behind broken syntax no next record can be told.
			bad := shadow.BadRecord{File: file, Line: line.at(d.InputOffset()), Record: n + 1, What: shadow.JSONProblem(err), Fix: "the log ends here for this reader: fix or cut the record"}
			return wait.flush(yield) && yield(shadow.Record{}, bad)
		}
		n++
		at := line.at(d.InputOffset() - int64(len(raw)))
		if mistake := addEvent(raw, wait, yield); mistake != nil {
			if errors.Is(mistake, errStop) || !yield(shadow.Record{}, shadow.BadRecord{File: file, Line: at, Record: n, What: mistake.Error(), Fix: "write a CloudEvent of type …inference.request or …inference.response with an id"}) {
				return false
			}
		}
	}
	return wait.flush(yield)
}

var errStop = errors.New("no more is wanted")

func opensArray(in *bufio.Reader) (bool, error) {
	for i := 1; ; i++ {
		head, err := in.Peek(i)
		if len(head) < i {
			return false, err
		}
		if c := head[i-1]; !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c == '[', nil
		}
		if i == in.Size() {
			return false, nil
		}
	}
}

func addEvent(raw []byte, wait *joiner, yield func(shadow.Record, error) bool) error {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return errors.New(shadow.JSONProblem(err))
	}
	id := e.ID
	if e.RequestID != "" {
		id = e.RequestID
	}
	kind := e.Type
	if kind == "" {
		kind = e.ReqType
	}
	request := strings.HasSuffix(kind, "inference.request")
	switch {
	case id == "":
		return errors.New("has no id")
	case !request && !strings.HasSuffix(kind, "inference.response"):
		return fmt.Errorf("has the type %q", shadow.Clip(kind, 80))
	}
	if !wait.add(id, func(h *exchange) { e.fill(h, request) }, yield) {
		return errStop
	}
	return nil
}

func (e *event) fill(h *exchange, request bool) {
	body := shadow.Body(e.Bytes)
	if e.DataBase64 != nil {
		body = e.DataBase64
	} else if len(e.Data) > 0 {
		_ = body.UnmarshalJSON(e.Data) // JSON stands as it is; this cannot fail
	}
	at := e.Time
	if at.IsZero() {
		at, _ = time.Parse(time.RFC3339Nano, e.RecordedTime)
	}
	if request || h.record.TS.IsZero() {
		h.record.TS = at
	}
	if e.Endpoint != "" {
		h.record.Version = e.Endpoint
	}
	if request {
		h.hasRequest = true
		h.record.Request = shadow.Request{Method: "POST", Path: "/v1/models/" + e.Service + ":predict", Headers: e.headers(), Body: body}
		if looksV2(body, `"inputs"`) {
			h.record.Request.Path = "/v2/models/" + e.Service + "/infer"
		}
		return
	}
	// The loggers write an answer only if its status was 200.
	h.hasResponse = true
	h.record.Response = &shadow.Answer{Status: 200, Body: body}
}

func (e *event) headers() shadow.Headers {
	text := e.Metadata
	var inner string
	if json.Unmarshal(text, &inner) == nil {
		text = json.RawMessage(inner)
	}
	var h shadow.Headers
	if json.Unmarshal(text, &h) != nil {
		return nil // metadata is free text: it need not hold headers
	}
	return h
}

// lineCounter knows the line of every offset that was not passed yet.
type lineCounter struct {
	r      io.Reader
	n      int64   // lines that ended before what ends holds
	ends   []int64 // offsets of later line ends
	offset int64
	mark   int64 // the offset at which the current record was begun
}

func (l *lineCounter) Read(p []byte) (int, error) {
	if l.offset-l.mark > maxRecord {
		return 0, errTooLong
	}
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

func (l *lineCounter) at(offset int64) int64 {
	i := 0
	for i < len(l.ends) && l.ends[i] <= offset {
		i++
	}
	l.n += int64(i)
	l.ends = l.ends[i:]
	return l.n
}

func looksV2(b shadow.Body, key string) bool {
	return bytes.Contains(b[:min(len(b), 4096)], []byte(key))
}
