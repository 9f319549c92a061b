package promapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// success is an answer with this data.
func success(kind, result string) string {
	return `{"status":"success","data":{"result":` + result + `,"resultType":"` + kind + `"},"warnings":["a","b"],"infos":["c"]}`
}

// Every answer is read as client_golang reads it.
func TestAnswersAsClientGolangReadsThem(t *testing.T) {
	histogram := `{"count":"5","sum":"-1.5","buckets":[[0,"0.25","0.5","2"],[3,"-1","1","3"]]}`
	for name, text := range map[string]string{
		"scalar":           success("scalar", `[1700000000.123,"-1.5e-3"]`),
		"scalar, NaN":      success("scalar", `[1700000000,"NaN"]`),
		"empty vector":     success("vector", `[]`),
		"vector":           success("vector", `[{"metric":{"__name__":"a","le":"+Inf"},"value":[1700000000.1,"+Inf"]},{"metric":{},"value":[-1.5,"7"]}]`),
		"histogram":        success("vector", `[{"metric":{"é":"\u00e9\n]"},"histogram":[1700000000,`+histogram+`]}]`),
		"empty matrix":     success("matrix", `[]`),
		"matrix":           success("matrix", `[{"metric":{"a":"b"},"values":[[1700000000,"1"],[1700000000.001,"-Inf"] , [ 0 , "NaN" ]]},{"metric":{},"values":[[-0.5,"0"]]}]`),
		"histograms":       success("matrix", `[{"metric":{"a":"b"},"histograms":[[1700000000,`+histogram+`],[1700000001,{"count":"0","sum":"0"}]]}]`),
		"both":             success("matrix", `[{"metric":{"a":"b"},"values":[[1,"1"]],"histograms":[[2,`+histogram+`]]}]`),
		"string":           success("string", `[1700000000,"x"]`),
		"another type":     success("stream", `[]`),
		"no data":          `{"status":"success"}`,
		"an error":         `{"status":"error","errorType":"execution","error":"too many samples","warnings":["a"]}`,
		"no JSON":          `<html>`,
		"nothing":          ``,
		"cut off":          success("matrix", `[{"metric":{"a":"b"},"values":[[1,"1"]]}]`)[:70],
		"a pair of one":    success("matrix", `[{"metric":{},"values":[[1]]}]`),
		"a pair of three":  success("matrix", `[{"metric":{},"values":[[1,"1","2"]]}]`),
		"no number":        success("matrix", `[{"metric":{},"values":[[1,"one"]]}]`),
		"no moment":        success("matrix", `[{"metric":{},"values":[["x","1"]]}]`),
		"no list of pairs": success("matrix", `[{"metric":{},"values":{"a":1}}]`),
		"no pair":          success("vector", `[{"metric":{},"value":1}]`),
		"no list":          success("vector", `{"metric":{}}`),
	} {
		t.Run(name, func(t *testing.T) {
			ours := answering(t, http.StatusOK, text)
			client, err := api.NewClient(api.Config{Address: ours.address.String()})
			if err != nil {
				t.Fatal(err)
			}
			want, warned, _, wantErr := v1.NewAPI(client).Query(t.Context(), "x", time.Time{})
			got, warnings, err := ours.Query(t.Context(), "x", time.Time{})
			if wantErr == nil && want == nil {
				wantErr = fmt.Errorf("no data")
			}
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("got error %v, want %v", err, wantErr)
			}
			if wantErr != nil {
				if got != nil {
					t.Errorf("an error comes with %v", got)
				}
				return
			}
			if strings.Join(warnings, " ") != strings.Join(warned, " ") {
				t.Errorf("got warnings %q, want %q", warnings, warned)
			}
			if got.Type() != want.Type() || got.String() != want.String() {
				t.Errorf("got  %s %s\nwant %s %s", got.Type(), got, want.Type(), want)
			}
		})
	}
}

// A series without a value is an error, and never a zero.
func TestASeriesWithoutAValueIsAnError(t *testing.T) {
	for _, result := range []string{`[{"metric":{"a":"b"}}]`, `[null]`, `[{"metric":{"a":"b"},"values":[[1,"1"]]}]`} {
		if got, _, err := decode([]byte(success("vector", result))); err == nil {
			t.Errorf("%s was read as %v", result, got)
		}
	}
}

// BenchmarkMatrix is what the monitor reads in an interval: 1,200 series of three samples.
func BenchmarkMatrix(b *testing.B) {
	var result strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&result, `,{"metric":{"__name__":"ranker_latency_seconds_bucket","instance":"10.0.0.%d:8080","job":"ranker","le":"0.25","version":"v1","handler":"/rank"},"values":[`, i)
		fmt.Fprintf(&result, `[1700000000.123,"%d"],[1700000015.123,"%d"],[1700000030.123,"%d"]]}`, i, 2*i, 3*i)
	}
	text := success("matrix", "["+result.String()[1:]+"]")
	ours := answering(b, http.StatusOK, text)
	client, err := api.NewClient(api.Config{Address: ours.address.String()})
	if err != nil {
		b.Fatal(err)
	}
	theirs := v1.NewAPI(client)
	for name, query := range map[string]func() (model.Value, error){
		"ours": func() (model.Value, error) { v, _, err := ours.Query(b.Context(), "x", time.Time{}); return v, err },
		"client_golang": func() (model.Value, error) {
			v, _, _, err := theirs.Query(b.Context(), "x", time.Time{})
			return v, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if v, err := query(); err != nil || len(v.(model.Matrix)) != 1200 {
					b.Fatal(err)
				}
			}
		})
	}
}

// An answer of many small things is refused before it is decoded: it would be a hundred times as
// large in memory.
func TestAnAnswerOfTooManyThingsIsAnError(t *testing.T) {
	list := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for name, c := range map[string]struct{ text, want string }{
		"series":    {success("vector", "["+list(1<<20, `{}`)+"]"), "50000 series"},
		"labels":    {success("vector", `[{"metric":{`+list(1<<20, `"":""`)+`}}]`), "1000000 labels"},
		"samples":   {success("matrix", `[{"metric":{},"values":[`+list(3<<20, `[]`)+`]}]`), "500000 samples"},
		"no nested": {success("matrix", list(3<<20, `[`)), "500000 samples"},
		"in a text": {success("vector", `[{"metric":{"a":"\"`+strings.Repeat(`{:[`, 1<<20)+`"},"value":[1,"1"]}]`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			ours := answering(t, http.StatusOK, c.text)
			_, _, err := ours.Query(t.Context(), "x", time.Time{})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	groups := `{"status":"success","data":{"groups":[{"name":"a","rules":[` + list(1<<20, `{}`) + `]}]}}`
	if err := answering(t, http.StatusOK, groups).RuleGroups(t.Context(), func(RuleGroup) error { return nil }); err == nil {
		t.Error("a group of a million rules was read")
	}
	targets := `{"status":"success","data":{"activeTargets":[` + list(1<<20, `{}`) + `]}}`
	if _, err := answering(t, http.StatusOK, targets).Targets(t.Context()); err == nil {
		t.Error("a million targets were read")
	}
}
