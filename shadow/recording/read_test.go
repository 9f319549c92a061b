package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/test/ranker"
)

const gorMark = "\n🐵🙈🙉\n"

const gorText = "1 aa 1700000000000000000 0\nPOST /predict?x=1 HTTP/1.1\r\nHost: shop\r\nX-Request-Id: req-1\r\nContent-Length: 7\r\n\r\n{\"a\":1}" + gorMark +
	"1 bb 1700000001000000000 0\nGET /health HTTP/1.1\r\nHost: shop\r\nX-Request-Id: req-2\r\n\r\n" + gorMark +
	"2 aa 1700000000000000000 12000000\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"score\":1}" + gorMark +
	"3 aa 1700000000000000000 15000000\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"score\":2}" + gorMark

func event64(kind, id, body string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":"org.kubeflow.serving.inference.%s","time":"2026-03-01T10:00:00Z","inferenceservicename":"ranker","endpoint":"default","metadata":"{\"X-Country\":[\"DE\"]}","data_base64":%q}`,
		id, kind, base64.StdEncoding.EncodeToString([]byte(body)))
}

func TestReaders(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		o                ReadOptions
		want             []string // "id method path request → status answer ms"
		bad              []string // parts of the errors
	}{
		{
			name: "canonical", file: "a.jsonl",
			text: `{"id":"1","ts":"2026-03-01T10:00:00Z","segment":{"c":"DE"},"version":"v1","request":{"method":"POST","path":"/predict","headers":{"A":"b","C":["d","e"]},"body":{"x": 1}},"response":{"status":200,"latency_ms":1.5,"body":{"y":2}}}` + "\n\n" +
				`{"id":"2","request":{"method":"GET","path":"/","body":{"$base64":"/wA="}}}`,
			want: []string{`1 POST /predict {"x": 1} → 200 {"y":2} 1.5`, "2 GET / \xff\x00 → none"},
		},
		{
			name: "broken lines are counted and passed", file: "a.jsonl",
			text: "{\"id\":\"1\"}\nnonsense\n{\"x\":1}\n{\"id\":3}\n{\"id\":\"4\",\"ts\":\"yesterday\"}\n{\"id\":\"5\"}\n{\"id\":\"6\",",
			want: []string{"1    → none", "5    → none"},
			bad:  []string{"a.jsonl:2: record 2: is not JSON", "a.jsonl:3: record 3: has no id; give", "a.jsonl:4: record 4: id is a number where a string", "a.jsonl:5: record 5: is not JSON", "a.jsonl:7: record 7: is cut off; the writer was stopped"},
		},
		{
			name: "the id from a header", file: "a.jsonl", o: ReadOptions{IDHeader: "x-request-id"},
			text: `{"id":"1","request":{"headers":{"X-Request-Id":"r9"}}}` + "\n" + `{"id":"2"}`,
			want: []string{"r9    → none"}, bad: []string{"a.jsonl:2: record 2: has no header x-request-id"},
		},
		{
			name: "events, one a line, answer first", file: "log.json",
			text: event64("response", "a", `{"predictions":[1]}`) + "\n" + event64("request", "a", `{"instances":[2]}`) + "\n" + event64("request", "b", `{"inputs":[]}`),
			want: []string{`a POST /v1/models/ranker:predict {"instances":[2]} → 200 {"predictions":[1]} 0`, `b POST /v2/models/ranker/infer {"inputs":[]} → none`},
		},
		{
			name: "an array of events with JSON inside", file: "log.json",
			text: "[\n" + `{"specversion":"1.0","id":"e1","requestid":"r1","type":"io.seldon.serving.inference.request","data":{"instances":[1]}},` + "\n" +
				`{"specversion":"1.0","id":"e2","requestid":"r1","type":"io.seldon.serving.inference.response","data":{"predictions":[3]}},` + "\n" +
				`{"id":"x","type":"something.else"}, {"type":"a.inference.request"}, 7]`,
			want: []string{`r1 POST /v1/models/:predict {"instances":[1]} → 200 {"predictions":[3]} 0`},
			bad:  []string{`log.json:4: record 3: has the type "something.else"`, "log.json:4: record 4: has no id", "log.json:4: record 5: "},
		},
		{
			name: "one record of the blob logger", file: "log.json",
			text: `{"Url":null,"Bytes":"` + base64.StdEncoding.EncodeToString([]byte(`{"instances":[1]}`)) + `","ReqType":"org.kubeflow.serving.inference.request","Id":"k","InferenceService":"ranker","Metadata":{"A":["b"]}}`,
			want: []string{`k POST /v1/models/:predict {"instances":[1]} → none`},
		},
		{
			name: "broken syntax ends a log of events", file: "log.json", text: "[" + event64("request", "a", "{}") + ",\n{]",
			want: []string{`a POST /v1/models/ranker:predict {} → none`}, bad: []string{"log.json:2: record 2: is not JSON"},
		},
		{
			name: "GoReplay", file: "a.gor", text: gorText,
			want: []string{`aa POST /predict?x=1 {"a":1} → 200 {"score":1} 12`, "bb GET /health  → none"},
		},
		{
			name: "GoReplay, replayed, by header", file: "a_0.gor", o: ReadOptions{Format: GorReplayed, IDHeader: "X-Request-Id"}, text: gorText,
			want: []string{`req-1 POST /predict?x=1 {"a":1} → 200 {"score":2} 15`, "req-2 GET /health  → none"},
		},
		{
			name: "broken GoReplay", file: "a.gor",
			text: "9 a 1\nx" + gorMark + "1 a\nx" + gorMark + "1 a later 0\nGET / HTTP/1.1\r\n\r\n" + gorMark + "1 a 1 0\nnot http" + gorMark + "1 c 1 0\nGET /c HTTP/1.1\r\n\r\n" + gorMark + "1 d 1 0\nGET",
			want: []string{"c GET /c  → none"},
			bad:  []string{`a.gor:1: record 1: has the type "9"`, "a.gor:4: record 2: has no first line", `record 3: has "later"`, "record 4: is not HTTP", "record 6: has no end mark"},
		},
		{name: "nothing", file: "a.jsonl", text: ""},
		{name: "no events", file: "a.json", text: "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got, bad []string
			ReadStream(strings.NewReader(c.text), c.file, c.o)(func(r shadow.Record, err error) bool {
				if err != nil {
					if !errors.As(err, new(shadow.BadRecord)) {
						t.Error(err)
					}
					bad = append(bad, err.Error())
					return true
				}
				got = append(got, oneLine(r))
				return true
			})
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if len(bad) != len(c.bad) {
				t.Fatalf("errors %q, want %q", bad, c.bad)
			}
			for i, part := range c.bad {
				if !strings.Contains(bad[i], part) {
					t.Errorf("error %q lacks %q", bad[i], part)
				}
			}
		})
	}
}

func oneLine(r shadow.Record) string {
	answer := "none"
	if r.Response != nil {
		answer = fmt.Sprintf("%d %s %g", r.Response.Status, r.Response.Body, r.Response.LatencyMS)
	}
	return fmt.Sprintf("%s %s %s %s → %s", r.ID, r.Request.Method, r.Request.Path, r.Request.Body, answer)
}

func TestPackedFilesAndOrder(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, gorText)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	a, b, c := filepath.Join(dir, "a.gor.gz"), filepath.Join(dir, "b.jsonl"), filepath.Join(dir, "c.jsonl.gz")
	ranker.WriteFile(t, a, packed.String())
	ranker.WriteFile(t, b, `{"id":"last"}`)
	ranker.WriteFile(t, c, "not packed")
	var ids []string
	var last error
	for r, err := range Read([]string{a, b, c}, ReadOptions{}) {
		if last = err; err == nil {
			ids = append(ids, r.ID)
		}
	}
	if strings.Join(ids, " ") != "aa bb last" {
		t.Errorf("read %v", ids)
	}
	if last == nil || !strings.Contains(last.Error(), "must be gzip") {
		t.Errorf("an unpacked file with the name of a packed one: %v", last)
	}
}

func TestALineTooLongIsPassed(t *testing.T) {
	long := `{"id":"long","request":{"body":"` + strings.Repeat("x", maxRecord) + `"}}`
	for file, text := range map[string]string{
		"a.jsonl": long + "\n" + `{"id":"next"}`,
		"a.gor":   "1 a 1 0\nPOST / HTTP/1.1\r\n\r\n" + long + gorMark + "1 next 1 0\nGET / HTTP/1.1\r\n\r\n" + gorMark,
	} {
		var ids, bad []string
		ReadStream(strings.NewReader(text), file, ReadOptions{})(func(r shadow.Record, err error) bool {
			if err != nil {
				bad = append(bad, err.Error())
			} else {
				ids = append(ids, r.ID)
			}
			return true
		})
		if len(ids) != 1 || ids[0] != "next" || len(bad) != 1 || !strings.Contains(bad[0], "longer than 16 MiB") {
			t.Errorf("%s: read %v, errors %.200v", file, ids, bad)
		}
	}
}

func TestBodiesSurviveTheRecording(t *testing.T) {
	for _, b := range []string{`{"a":[1,2.50,"<x>"]}`, "plain", "\xff\x00\n", `"text"`, "7", `{"$base64":"AA==","more":1}`} {
		r := shadow.Record{ID: "1", TS: time.Unix(5, 0).UTC(), Request: shadow.Request{Body: shadow.Body(b)}}
		var line bytes.Buffer
		if err := WriteLine(&line, r); err != nil {
			t.Fatal(err)
		}
		var back []shadow.Record
		readJSONL(&line, "x", func(r shadow.Record, err error) bool {
			if err != nil {
				t.Error(err)
			}
			back = append(back, r)
			return true
		})
		if len(back) != 1 || string(back[0].Request.Body) != b {
			t.Errorf("%q came back as %q", b, back[0].Request.Body)
		}
	}
}

func fuzzReader(f *testing.F, format Format) {
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		ReadStream(bytes.NewReader(text), "fuzz", ReadOptions{Format: format})(func(r shadow.Record, err error) bool {
			if n++; n > len(text)+2 {
				t.Fatal("more records than bytes")
			}
			if err == nil && r.ID == "" {
				t.Error("a record without id")
			}
			if err == nil {
				if err := WriteLine(&bytes.Buffer{}, r); err != nil {
					t.Errorf("cannot be written back: %v", err)
				}
			}
			return true
		})
	})
}

func FuzzReadJSONL(f *testing.F) {
	f.Add([]byte(`{"id":"1","ts":"2026-03-01T10:00:00Z","request":{"body":{"$base64":"/w=="},"headers":{"a":["b"]}}}`))
	fuzzReader(f, JSONL)
}

func FuzzReadEvents(f *testing.F) {
	f.Add([]byte("[" + event64("request", "a", "{}") + "," + event64("response", "a", "{}") + "]"))
	f.Add([]byte(event64("request", "a", "{}") + "\n" + event64("response", "b", "x")))
	fuzzReader(f, CloudEvents)
}

func FuzzReadGor(f *testing.F) {
	f.Add([]byte(gorText))
	fuzzReader(f, Gor)
}
