package ranker

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// A World makes pairs of answers of a ranker: a score that depends on the request,
// three class probabilities, and noise on both when asked again.
type World struct {
	Random *rand.Rand
	N      int
	noise  float64                                        // standard deviation of the score's noise; the score's own is 1
	Change func(p *shadow.Pair, country string, hour int) // what the candidate does otherwise
	Drift  func(country string, hour int) float64         // added to the candidate's score
	again  bool
	From   time.Time
}

func New(seed uint64, n int) *World {
	return &World{Random: rand.New(rand.NewPCG(seed, 1)), N: n, noise: .05, again: true, From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

var Countries = []string{"AT", "DE", "FR", "PL", "ES"}

func (w *World) Pairs() iter.Seq2[shadow.Pair, error] {
	return func(yield func(shadow.Pair, error) bool) {
		for i := range w.N {
			if !yield(w.Pair(i), nil) {
				return
			}
		}
	}
}

// Pair i of n, spread evenly over 24 hours. DE is one request in ten.
func (w *World) Pair(i int) shadow.Pair {
	at := w.From.Add(time.Duration(float64(24*time.Hour) * float64(i) / float64(w.N)))
	country := "DE"
	if u := w.Random.IntN(10); u > 0 {
		country = []string{"AT", "FR", "PL", "ES"}[u%4]
	}
	score := w.Random.NormFloat64()
	p := shadow.Pair{
		ID: "r" + strconv.Itoa(i), TS: at, Segment: map[string]string{"country": country, "client": []string{"ios", "android"}[w.Random.IntN(2)]},
		Stable: w.Answer(score),
	}
	moved := score
	if w.Drift != nil {
		moved += w.Drift(country, at.Hour())
	}
	p.Candidate = w.Answer(moved)
	if w.again {
		a := w.Answer(score)
		p.Again = &a
	}
	if w.Change != nil {
		w.Change(&p, country, at.Hour())
	}
	return p
}

func (w *World) Answer(score float64) shadow.Answer {
	s := score + w.noise*w.Random.NormFloat64()
	body := make([]byte, 0, 256)
	body = append(body, `{"model_name":"ranker","outputs":[{"name":"score","shape":[1],"datatype":"FP32","data":[`...)
	body = strconv.AppendFloat(body, s, 'g', 8, 64)
	body = append(body, `]},{"name":"prob","shape":[1,3],"datatype":"FP32","data":[`...)
	body = append(body, []string{"0.7,0.2,0.1", "0.2,0.7,0.1", "0.1,0.2,0.7"}[int(max(0, min(2, s+1.5)))]...)
	body = append(body, `]}]}`...)
	return shadow.Answer{Status: 200, LatencyMS: 10 + 5*w.Random.ExpFloat64(), Body: body}
}

// Plan suits the world: the score is noisy, so its tolerance is wide.
func Plan() shadow.Plan {
	plan := shadow.DefaultPlan()
	tolerance := 0.3
	plan.Fields = []shadow.FieldRule{
		{Path: "outputs.score[*]", Absolute: &tolerance},
		{Path: "outputs.prob", Compare: shadow.ByClass},
	}
	plan.Scores = []shadow.Score{{Path: "outputs.score[*]"}}
	return plan
}

func Body(v any) shadow.Body {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
