package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/test/ranker"
)

// recordingOf writes n requests and returns the file.
func recordingOf(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		err := recording.WriteLine(&b, shadow.Record{
			ID: fmt.Sprint("r", i), TS: at.Add(time.Duration(i) * time.Second), Segment: map[string]string{"country": ranker.Countries[i%5]},
			Request: shadow.Request{Method: "POST", Path: "/predict?v=1", Headers: shadow.Headers{"X-Tenant": "a", "Authorization": "secret", "Host": "prod", "Connection": "close"}, Body: shadow.Body(fmt.Sprintf(`{"x":%d}`, i))},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "recording.jsonl")
	ranker.WriteFile(t, path, b.String())
	return path
}

// model is a server that counts what it was asked.
type model struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	n     atomic.Int64
}

func newModel(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body string)) *model {
	m := &model{asked: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		m.n.Add(1)
		m.mu.Lock()
		m.asked[string(text)]++
		m.mu.Unlock()
		answer(w, r, string(text))
	}))
	t.Cleanup(m.Close)
	return m
}

func echo2(w http.ResponseWriter, _ *http.Request, body string) {
	fmt.Fprintf(w, `{"score":0.5,"of":%s}`, body)
}

func newReplay(t *testing.T, file string, candidate, stable *model) Replay {
	return Replay{
		Recordings: []string{file}, Candidate: candidate.URL + "/base", Stable: stable.URL, Permyriad: 10_000, Parallel: 8, Timeout: time.Minute,
		Allow: []Allow{{"POST", "/predict"}}, Output: filepath.Join(t.TempDir(), "pairs.jsonl"),
	}
}

func readAll(t *testing.T, path string) (pairs []shadow.Pair, run shadow.Run) {
	t.Helper()
	for p, err := range recording.ReadPairs(path, &run, nil) {
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	return pairs, run
}

func TestReplayAsksOnceAndTwice(t *testing.T) {
	var mistakes atomic.Value
	candidate := newModel(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if r.URL.RequestURI() != "/base/predict?v=1" || r.Header.Get("X-Tenant") != "a" || r.Header.Get("Authorization") != "" || r.Header.Get(shadow.ShadowHeader) != "1" || r.Host == "prod" {
			mistakes.Store(fmt.Sprint(r.URL, r.Host, r.Header))
		}
		if strings.Contains(body, `:7}`) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		echo2(w, r, body)
	})
	stable := newModel(t, echo2)
	r := newReplay(t, recordingOf(t, 300), candidate, stable)
	run, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m := mistakes.Load(); m != nil {
		t.Errorf("sent as %s", m)
	}
	pairs, again := readAll(t, r.Output)
	if !reflect.DeepEqual(run, again) || !run.Ended || run.Read != 300 || run.Sampled != 300 {
		t.Errorf("run %+v, in the file %+v", run, again)
	}
	for i, p := range pairs {
		if p.ID != fmt.Sprint("r", i) || p.Again == nil || p.Segment["country"] != ranker.Countries[i%5] || p.Stable.LatencyMS <= 0 {
			t.Fatalf("pair %d is %+v", i, p)
		}
		if good := p.Candidate.Good(); good == (i == 7) {
			t.Errorf("pair %d: good %v", i, good)
		}
	}
	for body, n := range stable.asked {
		if n != 2 || candidate.asked[body] != 1 {
			t.Errorf("%s: stable was asked %d times, the candidate %d times", body, n, candidate.asked[body])
		}
	}
	if len(pairs) != 300 || len(stable.asked) != 300 {
		t.Errorf("%d pairs, %d asked", len(pairs), len(stable.asked))
	}
}

// A replay stopped anywhere, even in the middle of a line, goes on to the same end.
func TestReplayGoesOnWhereItStopped(t *testing.T) {
	file := recordingOf(t, 200)
	var left atomic.Int64 // requests to the stable model until the run is stopped
	var stop atomic.Pointer[context.CancelFunc]
	candidate, stable := newModel(t, echo2), newModel(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if left.Add(-1) < 0 {
			(*stop.Load())()
		}
		echo2(w, r, body)
	})
	r := newReplay(t, file, candidate, stable)
	r.Permyriad = 5000
	stops := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		stop.Store(&cancel)
		left.Store(50)
		r.Progress = new(Progress)
		run, err := r.Run(ctx)
		cancel()
		if err == nil {
			if !run.Ended {
				t.Fatal("ended without its end")
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		stops++
		text, err := os.ReadFile(r.Output)
		if err != nil {
			t.Fatal(err)
		}
		ranker.WriteFile(t, r.Output, string(text)+`{"id":"torn","stable":{"sta`)
	}
	pairs, _ := readAll(t, r.Output)
	var want []string
	for i := range 200 {
		if id := fmt.Sprint("r", i); shadow.Sampled(id, 5000) {
			want = append(want, id)
		}
	}
	var got []string
	for _, p := range pairs {
		got = append(got, p.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d pairs, want %d, each once and in order", len(got), len(want))
	}
	if stops < 2 {
		t.Errorf("stopped only %d times", stops)
	}
	asked := stable.n.Load()
	if run, err := r.Run(t.Context()); err != nil || !run.Ended || stable.n.Load() != asked {
		t.Errorf("a run that is over asked again: %v", err)
	}
	r.Permyriad = 4000
	if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs to another run") {
		t.Errorf("another sample into the same file: %v", err)
	}
}

func TestReplayRefuses(t *testing.T) {
	good := newModel(t, echo2)
	file := recordingOf(t, 100)
	for name, c := range map[string]struct {
		set  func(r *Replay)
		want string
	}{
		"what is not allowed":  {func(r *Replay) { r.Allow = nil }, `POST /predict is not allowed.); allow what does no harm`},
		"no address":           {func(r *Replay) { r.Candidate = "localhost:80" }, "is no address"},
		"a password":           {func(r *Replay) { r.Stable = "http://a:b@h" }, "is no address"},
		"no sample":            {func(r *Replay) { r.Permyriad = 0 }, "a sample of 0"},
		"no recording":         {func(r *Replay) { r.Recordings = []string{"nowhere.jsonl"} }, "nowhere.jsonl"},
		"stable is not there":  {func(r *Replay) { r.Stable = "http://127.0.0.1:1" }, "stable does not answer: refused, 50 times in a row"},
		"a file of other kind": {func(r *Replay) { ranker.WriteFile(t, r.Output, "{}\n") }, "is no file of pairs"},
	} {
		r := newReplay(t, file, good, good)
		c.set(&r)
		if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAllow(t *testing.T) {
	allow := []Allow{{"POST", "/predict"}, {"POST", "/v2/models/"}}
	for request, want := range map[string]bool{
		"POST /predict": true, "POST /predict/": true, "POST /predict/x?y=1": true, "POST /predict?x": true, "GET /anything": true, "HEAD /": true,
		"POST /v2/models/m/infer": true, "POST /predictions": false, "POST /admin": false, "DELETE /predict": false, "PUT /predict": false, "post /predict": false,
		"POST /predict/../admin": false, "POST /predict/%2e%2e/admin": false, "POST //evil.example/predict": false, "POST http://evil.example/predict": false,
		"GET http://evil.example/": false, "POST predict": false, "POST ": false, "POST /predict//x": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		if why := refused(allow, shadow.Request{Method: method, Path: path}); (why == "") != want {
			t.Errorf("%s: %q", request, why)
		}
	}
	for _, text := range []string{"", "POST", "/predict", "post /predict", "POST predict", "POST /a/../b", "POST /a//b"} {
		if a, err := ParseAllow(text); err == nil {
			t.Errorf("%q was read as %v", text, a)
		}
	}
	if a, err := ParseAllow("POST /predict"); err != nil || a.String() != "POST /predict" {
		t.Error(a, err)
	}
}

// What goes wrong on the way is an answer like any other.
func TestAnswersThatNeverCame(t *testing.T) {
	release := make(chan struct{})
	candidate := newModel(t, func(w http.ResponseWriter, r *http.Request, body string) {
		switch {
		case strings.Contains(body, `:0}`):
			<-release
		case strings.Contains(body, `:1}`):
			panic(http.ErrAbortHandler)
		case strings.Contains(body, `:2}`):
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case strings.Contains(body, `:3}`):
			_, _ = io.CopyN(w, zeros{}, maxAnswer+1)
		default:
			echo2(w, r, body)
		}
	})
	stable := newModel(t, echo2)
	r := newReplay(t, recordingOf(t, 6), candidate, stable)
	r.Timeout = 8 * time.Second
	_, err := r.Run(t.Context())
	close(release)
	if err != nil {
		t.Fatal(err)
	}
	pairs, _ := readAll(t, r.Output)
	for i, want := range []string{"0 timeout", "0 closed", "302 ", "200 too long", "200 ", "200 "} {
		if got := fmt.Sprint(pairs[i].Candidate.Status, " ", pairs[i].Candidate.Error); got != want {
			t.Errorf("answer %d is %q, want %q", i, got, want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestReplayKeepsTheRate(t *testing.T) {
	m := newModel(t, echo2)
	r := newReplay(t, recordingOf(t, 60), m, m)
	r.Rate = 200
	began := time.Now()
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 59*5*time.Millisecond {
		t.Errorf("60 requests at 200 a second took %s", took)
	}
}
