package diff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// SchemaReport is the form of [Report] as JSON.
const SchemaReport = "autorollback/shadow-report/1"

// A Report is everything that was found. Rates and limits are shares, latencies
// milliseconds, hours those of Method.Timezone.
type Report struct {
	Schema    string    `json:"schema"`
	Service   string    `json:"service"`
	Candidate string    `json:"candidate"` // the bundle's digest
	Stable    string    `json:"stable"`
	At        time.Time `json:"at"`

	Recording string `json:"recording,omitempty"` // sha256:… of what was compared, if the caller knows

	Verdict  shadow.Verdict `json:"verdict"`
	Rule     string         `json:"rule"`     // the rule that decided; "all" if nothing stood against it
	Reason   string         `json:"reason"`   // one sentence
	Findings []Finding      `json:"findings"` // the deciding one first

	Method Method        `json:"method"`
	Window shadow.Window `json:"window"`
	Counts Counts        `json:"counts"`
	Scores []string      `json:"scores"` // the fields whose distribution was watched
	Fields []FieldResult `json:"fields"` // over all traffic
	Slices []Slice       `json:"slices"` // all traffic, segments, hours, segments by hour
	Flips  []Matrix      `json:"flips,omitempty"`
	Worst  []Sample      `json:"worst,omitempty"`
	Notes  []string      `json:"notes,omitempty"`
	Plan   shadow.Plan   `json:"plan"`
}

// A Finding is something that speaks against the candidate or leaves the matter open.
type Finding struct {
	Verdict shadow.Verdict `json:"verdict"` // Block or Inconclusive
	Rule    string         `json:"rule"`
	Field   string         `json:"field,omitempty"`
	Segment string         `json:"segment,omitempty"` // "key=value"; empty: all
	Hours   []int          `json:"hours,omitempty"`   // empty: all
	Effect  float64        `json:"effect,omitempty"`
	Limit   float64        `json:"limit,omitempty"`
	P       *float64       `json:"p,omitempty"` // after Holm's correction; none if the rule is no test
	Text    string         `json:"text"`
}

// A Method says how the verdict came about, so that it can be judged itself.
type Method struct {
	Alpha    float64  `json:"alpha"`
	Tests    int      `json:"tests"`    // how many hypotheses Holm's correction is over
	Noise    bool     `json:"noise"`    // whether stable was asked twice
	Timezone string   `json:"timezone"` // of the hours
	Text     []string `json:"text"`
}

// Counts say what there was and what became of it.
type Counts struct {
	Pairs     int64      `json:"pairs"`
	Compared  int64      `json:"compared"` // both answers were good
	Again     int64      `json:"again"`    // and stable's second one
	Bad       shadow.Bad `json:"bad"`
	Run       shadow.Run `json:"run"`
	Untimed   int64      `json:"untimed,omitempty"`
	OtherSegs int64      `json:"other_segments,omitempty"` // pairs with a segment past the plan's limit
}

// A FieldResult is what was found about one field in one slice of the traffic.
type FieldResult struct {
	Path      string   `json:"path"`
	N         int64    `json:"n"`
	Raw       int64    `json:"raw"`
	RawRate   float64  `json:"raw_rate"`
	NoiseN    int64    `json:"noise_n"`
	Noise     int64    `json:"noise"`
	NoiseRate float64  `json:"noise_rate"`
	Excess    float64  `json:"excess"`
	Low       float64  `json:"low"` // 95 % bounds of the excess
	High      float64  `json:"high"`
	Schema    int64    `json:"schema,omitempty"` // missing, extra or of another type
	Delta     *Deltas  `json:"delta,omitempty"`
	P         *float64 `json:"p,omitempty"` // after Holm's correction; none: too few to test
}

// Deltas describe |candidate − stable| of a number, over requests; of several elements
// in one answer the greatest counts. In a segment by hour only mean and max are kept.
type Deltas struct {
	Mean float64  `json:"mean"`
	P95  *float64 `json:"p95,omitempty"`
	P99  *float64 `json:"p99,omitempty"`
	Max  float64  `json:"max"`
}

// A Slice is what was found in one slice of the traffic.
type Slice struct {
	Segment   string        `json:"segment,omitempty"`
	Hour      *int          `json:"hour,omitempty"`
	Pairs     int64         `json:"pairs"`
	Compared  int64         `json:"compared"`
	Errors    ErrorResult   `json:"errors"`
	Stable    *Latency      `json:"stable,omitempty"` // not in a segment by hour
	Candidate *Latency      `json:"candidate,omitempty"`
	LatencyP  *float64      `json:"latency_p,omitempty"`
	Scores    []ScoreResult `json:"scores,omitempty"`
	Fields    []FieldResult `json:"fields,omitempty"` // those that ever differed; in a segment by hour the ten worst
}

// An ErrorResult counts answers that no user could use.
type ErrorResult struct {
	Stable    int64    `json:"stable"`
	Candidate int64    `json:"candidate"`
	Rise      float64  `json:"rise"` // in points, as a share of the requests
	P         *float64 `json:"p,omitempty"`
}

// A Latency is a distribution of answer times.
type Latency struct {
	N   int64   `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// A ScoreResult is the drift of one score.
type ScoreResult struct {
	Path   string   `json:"path"`
	N      int64    `json:"n"`
	PSI    float64  `json:"psi"`
	PSIn   int      `json:"psi_n"` // pairs kept for the index
	PSIP   *float64 `json:"psi_p,omitempty"`
	Shift  float64  `json:"shift"` // of the mean, in stable's standard deviations
	ShiftP *float64 `json:"shift_p,omitempty"`
}

// A Matrix counts class changes: stable down, candidate across.
type Matrix struct {
	Path   string    `json:"path"`
	Labels []string  `json:"labels"`
	Counts [][]int64 `json:"counts"`
}

// Gate returns the report's verdict as a record that names the report by its digest.
func (r *Report) Gate() (shadow.Gate, error) {
	text, err := r.JSON()
	if err != nil {
		return shadow.Gate{}, err
	}
	sum := sha256.Sum256(text)
	return shadow.Gate{
		Schema: shadow.SchemaGate, Service: r.Service, Candidate: r.Candidate, Stable: r.Stable,
		Verdict: r.Verdict, Rule: r.Rule, Reason: r.Reason, Window: r.Window, Recording: r.Recording, At: r.At, Report: "sha256:" + hex.EncodeToString(sum[:]),
		Counts: shadow.GateCounts{Pairs: r.Counts.Pairs, Compared: r.Counts.Compared, Tests: r.Method.Tests, Bad: r.Counts.Bad.Count + r.Counts.Run.Bad},
	}, nil
}

// JSON returns the report as indented JSON with a line end, always the same bytes for
// the same report.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}
