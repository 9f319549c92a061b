package actuators

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What an instance's API answers, and what is read from it.
func TestObserve(t *testing.T) {
	for name, c := range map[string]struct {
		routing runbook.Routing
		path    string
		code    int
		body    string
		want    record.Split
		problem string
	}{
		"traefik": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"weighted":{"services":[{"name":"model-v1","weight":95},{"name":"model-v2","weight":5}]},"status":"enabled"}`,
			record.Split{"model-v1": 95, "model-v2": 5}, ""},
		"traefik, a weight left out is 1, and less than 0 nothing": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"weighted":{"services":[{"name":"model-v1"},{"name":"model-v2","weight":-3}]},"status":"enabled"}`,
			record.Split{"model-v1": 100, "model-v2": 0}, ""},
		"traefik, another type of a split": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"highestRandomWeight":{"services":[{"name":"model-v1","weight":9990},{"name":"model-v2","weight":10}]},"status":"enabled"}`,
			record.Split{"model-v1": 99.9, "model-v2": 0.1}, ""},
		"traefik, a warning serves": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"weighted":{"services":[{"name":"model-v1","weight":1}]},"status":"warning","error":["unused"]}`, record.Split{"model-v1": 100}, ""},
		"traefik, disabled": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"weighted":{"services":[{"name":"model-v1","weight":1}]},"status":"disabled","error":["no such service"]}`, nil, `"disabled" and has 1 weights ["no such service"]`},
		"traefik, another type": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"loadBalancer":{"servers":[]},"status":"enabled"}`, nil, `has 0 weights`},
		"traefik, no such service": {traefikRouting, "/api/http/services/ranker@consul", 404, `{"message":"service not found"}`, nil, "it has no service ranker@consul"},
		"traefik, a page":          {traefikRouting, "/api/http/services/ranker@consul", 200, `<html>`, nil, "its answer is not a service of Traefik's API"},
		"traefik, by hash": {traefikRouting, "/api/http/services/ranker@consul", 200,
			`{"highestRandomWeight":{"services":[{"name":"model-v1","weight":95},{"name":"model-v2","weight":5}]},"status":"enabled"}`,
			record.Split{"model-v1": 95, "model-v2": 5}, ""},
		"fabio": {fabioRouting, "/api/routes", 200, fabioRoutes(`"v1","eu"`, 0.475, `"eu","v1"`, 0.475, `"v2"`, 0.05),
			record.Split{"v1": 95, "v2": 5}, ""},
		"fabio, others as well": {fabioRouting, "/api/routes", 200, fabioRoutes(`"v1"`, 0.5, `"v3"`, 0.5),
			record.Split{"v1": 50, otherInstances: 50}, ""},
		"fabio, nobody":  {fabioRouting, "/api/routes", 200, `null`, nil, "it has no instance of ranker under /predict"},
		"fabio, a page":  {fabioRouting, "/api/routes", 200, `<html>`, nil, "its answer is not fabio's table"},
		"fabio, no page": {fabioRouting, "/api/routes", 404, ``, nil, "it answers 404"},
		"fabio, one source lacks v2": {twoSources, "/api/routes", 200,
			`[{"service":"ranker","src":"/predict","weight":1,"tags":["v1"]},{"service":"ranker","src":"m.example.com/","weight":0.5,"tags":["v1"]},{"service":"ranker","src":"m.example.com/","weight":0.5,"tags":["v2"]},{"service":"other","src":"/predict","weight":0.5,"tags":["v2"]}]`,
			nil, "it serves v1 100 under /predict and v1 50, v2 50 under m.example.com"},
		"json":                       {jsonRouting, "", 200, `{"schema":1,"weights":{"v1":95,"v2":5},"by":"autorollback"}`, record.Split{"v1": 95, "v2": 5}, ""},
		"json, no weights":           {jsonRouting, "", 200, `{"schema":1}`, nil, "no field weights"},
		"json, no number":            {jsonRouting, "", 200, `{"weights":{"v1":"x"}}`, nil, `its weights.v1 is "x"`},
		"json, a page":               {jsonRouting, "", 200, `<html>`, nil, "its answer has no weights"},
		"a redirect is not followed": {jsonRouting, "", 302, "", nil, "it answers 302 Found"},
		"an error":                   {jsonRouting, "", 503, "", nil, "it answers 503 Service Unavailable"},
		"no end":                     {jsonRouting, "", 200, strings.Repeat(" ", observeAnswer+1), nil, "more than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := strings.TrimPrefix(r.URL.Path, "/below"); got != c.path {
					http.Error(w, "asked "+got, http.StatusTeapot)
					return
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			got, err := router(t, c.routing).Observe(t.Context(), outbound.New(outbound.Options{}), s.URL+"/below", "v1", "v2")
			switch {
			case c.problem == "" && (err != nil || !got.Equal(c.want)):
				t.Fatalf("%v, %v; want %v", got, err, c.want)
			case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
				t.Fatalf("%v, %v; want %q", got, err, c.problem)
			}
		})
	}
}

var twoSources = runbook.Routing{Router: runbook.Fabio, Service: "ranker", Sources: []string{"/predict", "m.example.com"}}

// fabioRoutes is fabio's answer with tags, weight, tags, weight… of the service's instances.
func fabioRoutes(pairs ...any) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, fmt.Sprintf(`{"service":"ranker","src":"/predict","dst":"http://127.0.0.1:1/","weight":%v,"tags":[%s],"cmd":"route add"}`, pairs[i+1], pairs[i]))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// An instance that accepts and never answers is given up, in words without this try's
// ports.
func TestObserveGivesUp(t *testing.T) {
	stay := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stay }))
	defer s.Close()
	defer close(stay)
	r := router(t, jsonRouting)
	_, err := r.Observe(t.Context(), s.Client(), s.URL)
	if err == nil || !strings.HasPrefix(err.Error(), "it does not answer within 2s") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Observe(ctx, s.Client(), s.URL); err == nil || strings.Contains(err.Error(), "within") {
		t.Errorf("stopped: %v", err)
	}
}

func TestObserveNobody(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := router(t, traefikRouting).Observe(t.Context(), http.DefaultClient, s.URL)
	if err == nil || !strings.Contains(err.Error(), "it does not answer: ") || strings.Contains(err.Error(), "Get ") {
		t.Errorf("%v", err)
	}
}
