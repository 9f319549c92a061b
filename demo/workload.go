package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"golang.org/x/sync/errgroup"
)

// A Question is what a user of the day's world asks: the body of a request.
type Question struct {
	Country string  `json:"country"`
	Hour    int     `json:"hour"` // the user's local hour, a feature of the model
	X       float64 `json:"x"`
}

// A Scorer is a model that answers questions, and an inference log that it writes: a
// file in the shadow's own format. The copies that a replay sends are not logged.
type Scorer struct {
	Score func(Question) float64
	log   *inferenceLog // nil: none is written
}

// Score has every pod of the version answer questions from now on.
func (v *Version) Score(s *Scorer) { v.scorer.Store(s) }

// Scorer is what answers questions; nil: answers have no content.
func (v *Version) Scorer() *Scorer { return v.scorer.Load() }

// Log has the scorer write an inference log until [Scorer.Close].
func (s *Scorer) Log(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write inference log: %w", err)
	}
	s.log = &inferenceLog{file: f, buffer: bufio.NewWriter(f)}
	return nil
}

// Close ends the log; what is asked later is not in it.
func (s *Scorer) Close() error { return s.log.close() }

type inferenceLog struct {
	mu     sync.Mutex
	file   *os.File // nil: closed
	buffer *bufio.Writer
}

func (l *inferenceLog) write(r shadow.Record) {
	text, err := json.Marshal(r)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_, _ = l.buffer.Write(append(text, '\n')) // Flush says it
	}
}

func (l *inferenceLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.file
	l.file = nil
	if err := l.buffer.Flush(); err != nil {
		return fmt.Errorf("write inference log: %w", err)
	}
	return f.Close()
}

// The headers of a request of the day: who asks, and when it is for them.
const (
	idHeader   = "X-Request-Id"
	timeHeader = "X-Demo-Time"
)

// answer is what a question gets; nil if nobody asks one.
func (s *Scorer) answer(r *http.Request, version string, status int, took time.Duration) []byte {
	if s == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	var q Question
	if err != nil || json.Unmarshal(text, &q) != nil {
		return nil
	}
	body := []byte(`{"score":` + strconv.FormatFloat(s.Score(q), 'f', 6, 64) + `}`)
	at, err := time.Parse(time.RFC3339Nano, r.Header.Get(timeHeader))
	if id := r.Header.Get(idHeader); id != "" && err == nil && s.log != nil && r.Header.Get(shadow.ShadowHeader) == "" {
		s.log.write(shadow.Record{
			ID: id, TS: at, Segment: map[string]string{"country": q.Country}, Version: version,
			Request:  shadow.Request{Method: r.Method, Path: r.URL.Path, Headers: shadow.Headers{"Content-Type": "application/json"}, Body: text},
			Response: &shadow.Answer{Status: status, LatencyMS: float64(took.Microseconds()) / 1000, Body: body},
		})
	}
	return body
}

// A Workload is 24 hours of users' questions in less time: each request says what time it
// is for its user.
type Workload struct {
	URL   string
	Rate  int           // questions a second
	Whole time.Duration // how long the day takes, at least
	From  time.Time     // midnight, for the users
	users
}

var dayCountries = []string{"DE", "FR"}

// Run asks for a day, and waits for the answers.
func (d *Workload) Run(ctx context.Context) error {
	client := newClient()
	defer client.CloseIdleConnections()
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var under errgroup.Group
	under.SetLimit(inFlight) // on a slow machine the day is longer
	began, all := time.Now(), int(d.Whole.Seconds()*float64(d.Rate))
	for due := 0; due < all && ctx.Err() == nil; {
		if due >= int(time.Since(began).Seconds()*float64(d.Rate)) {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
			continue
		}
		at := d.From.Add(time.Duration(float64(due) / float64(all) * float64(24*time.Hour)))
		q := Question{Country: dayCountries[random.IntN(len(dayCountries))], Hour: at.Hour(), X: random.NormFloat64()}
		due++
		n := d.sent.Add(1)
		under.Go(func() error { return d.ask(ctx, client, n, at, q) })
	}
	return under.Wait()
}

func (d *Workload) ask(ctx context.Context, client *http.Client, n int64, at time.Time, q Question) error {
	text, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("write question: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(idHeader, "q"+strconv.FormatInt(n, 10))
	header.Set(timeHeader, at.Format(time.RFC3339Nano))
	d.post(ctx, client, d.URL, text, header)
	return nil
}

// Rank is the score that a good version gives: one formula and a little noise.
func Rank(q Question) float64 {
	return 1 + q.X/2 + 0.002*rand.NormFloat64()
}

// RankNight is [Rank] with a mistake: in the night of one country it uses the prices
// of the day before.
func RankNight(q Question) float64 {
	if q.Country == "DE" && (q.Hour >= 22 || q.Hour < 5) {
		return Rank(q) + 0.4
	}
	return Rank(q)
}
