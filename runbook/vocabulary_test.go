package runbook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// What servers call their series, and what a person reads of it.
func TestServersAsTheyAre(t *testing.T) {
	load := func(name string) *runbook.Runbook {
		rb, err := runbook.Load("testdata/good/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		return rb
	}
	istio, tensorflow, triton, vllm := load("istio"), load("tensorflow"), load("triton"), load("vllm")
	infer, _ := triton.Metrics.LatencyOf("infer")
	ttft, _ := vllm.Metrics.LatencyOf("")
	if _, ok := vllm.Metrics.LatencyOf("itl"); ok {
		t.Error("a latency that nobody declared")
	}
	k := vllm.Metrics.KPIs[0]
	for name, c := range map[string]struct{ got, want any }{
		"unit by name":        {istio.Metrics.Latency.Unit, runbook.InMilliseconds},
		"unit as written":     {tensorflow.Metrics.Latency.Unit, runbook.InMicroseconds},
		"unit of a sum":       {infer.Unit, runbook.InMicroseconds},
		"requests":            {triton.Metrics.Requests.All(), []runbook.Selection{{Counter: "nv_inference_request_success", Where: `model="ranker"`}, {Counter: "nv_inference_request_failure", Where: `model="ranker",reason!="CANCELED"`}}},
		"failed":              {istio.Metrics.Requests.Failed(), runbook.Selection{Counter: "istio_requests_total", Where: `reporter="destination",response_code=~"5.."`}},
		"checked by requests": {triton.Metrics.CheckedBy(), triton.Metrics.Requests.All()},
		"first latency":       {ttft.Name, "ttft"},
		"named where not":     {triton.Triggers[2].Latency, "infer"},
		"named in the check":  {triton.Verification.System.Latency.Latency, "infer"},
		"KPI":                 {[]runbook.Selection{k.GainSeries(), k.TrialSeries()}, []runbook.Selection{{Counter: "vllm:request_success_total", Where: `model_name="ranker",finished_reason="stop"`}, {Counter: "vllm:request_success_total", Where: `model_name="ranker"`}}},
		"sentence":            {vllm.Triggers[0].String(), "P95 latency of ttft 50% above stable over 5m"},
		"mean":                {triton.Triggers[1].String(), "mean latency of infer above 800ms over 3m, and above stable, all the time"},
		"needs no proof":      {[]bool{triton.Triggers[0].Comparative(), triton.Triggers[0].Lasting()}, []bool{false, true}},
		"severity":            {triton.Triggers[0].Severity, runbook.Mild},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s is %v, want %v", name, c.got, c.want)
		}
	}
	effect, limit := triton.Triggers[1].Reading(1.25)
	if effect != "mean latency of infer of the candidate 1.25 s" || limit != "800 ms" {
		t.Errorf("reads %q, %q", effect, limit)
	}
	for rb, page := range map[*runbook.Runbook][]string{
		istio:  {`have ` + "`" + `ranker_pod_status{condition="true"}` + "`" + ` >= 1`, "P95 latency (milliseconds)", `istio_request_duration_milliseconds_bucket{`},
		triton: {"mean latency of infer (microseconds)", `(sum(rate(nv_inference_request_success{job="triton",model="ranker"}[1m])) + sum(rate(nv_inference_request_failure{`},
	} {
		for _, part := range page {
			if text := string(runbook.Render(rb)); !strings.Contains(text, part) {
				t.Errorf("the page lacks %s:\n%s", part, text)
			}
		}
	}
}
