package ofrep

import (
	"net/http"
	"strings"
	"testing"
)

const flags = "/ofrep/v1/evaluate/flags"

func TestEvaluate(t *testing.T) {
	st := open(t)
	set(t, st, "v3", `no JSON`)
	set(t, st, "v4", `{"schema":99,"flags":{"encoder":"v9"}}`)
	h := handlerOf(t, memoryOf(t, st, Target{Service: "search", Region: "eu", Prefix: "features/eu/search/", Store: st}, Target{Service: "search", Region: "us", Prefix: "features/us/search/", Store: st}))
	for name, c := range map[string]struct {
		key, body string
		code      int
		want      string
	}{
		"text":         {"encoder", `{"context":{"service":"ranker","version":"v1","targetingKey":"x"}}`, 200, `{"key":"encoder","value":"v4","reason":"TARGETING_MATCH","variant":"on","metadata":{"bundle":"sha256:aa","quarantined":false,"region":"default","service":"ranker","serving":true,"version":"v1"}}`},
		"number":       {"depth", `{"context":{"service":"ranker","version":"v1","region":"default"}}`, 200, `"value":4,`},
		"off":          {"new", `{"context":{"service":"ranker","version":"v2"}}`, 200, `"value":false,"reason":"TARGETING_MATCH","variant":"off"`},
		"taken out":    {"depth", `{"context":{"service":"ranker","version":"v2"}}`, 404, `{"key":"depth","errorCode":"FLAG_NOT_FOUND","errorDetails":"version v2 of ranker in default has no flag depth: its bundle is quarantined"}`},
		"no flag":      {"x/y", `{"context":{"service":"ranker","version":"v1"}}`, 404, `{"key":"x/y","errorCode":"FLAG_NOT_FOUND"`},
		"no version":   {"encoder", `{"context":{"service":"ranker","version":"v9"}}`, 404, `version v9 of ranker in default has no flags`},
		"unreadable":   {"encoder", `{"context":{"service":"ranker","version":"v3"}}`, 400, `"errorCode":"PARSE_ERROR","errorDetails":"the flags of version v3`},
		"newer":        {"encoder", `{"context":{"service":"ranker","version":"v4"}}`, 400, `a newer program wrote it`},
		"no JSON":      {"encoder", `{"context":`, 400, `"key":"encoder","errorCode":"PARSE_ERROR"`},
		"too long":     {"encoder", `{"context":{"x":"` + strings.Repeat("x", maxBody) + `"}}`, 400, `"errorCode":"PARSE_ERROR"`},
		"no context":   {"encoder", ``, 400, `"errorCode":"INVALID_CONTEXT"`},
		"no service":   {"encoder", `{"context":{"version":"v1"}}`, 400, `the context needs the texts service and version`},
		"number v":     {"encoder", `{"context":{"service":"ranker","version":1}}`, 400, `"errorCode":"INVALID_CONTEXT"`},
		"unknown":      {"encoder", `{"context":{"service":"other","version":"v1"}}`, 400, `no runbook here has routing.flags for service \"other\"`},
		"two regions":  {"encoder", `{"context":{"service":"search","version":"v1"}}`, 400, `has 2 regions: name one`},
		"wrong region": {"encoder", `{"context":{"service":"ranker","version":"v1","region":"us"}}`, 400, `"errorCode":"INVALID_CONTEXT"`},
	} {
		w := ask(h, "POST", flags+"/"+c.key, c.body)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, c.code, c.want)
		}
	}
}

func TestBulk(t *testing.T) {
	st := open(t)
	m := memoryOf(t, st)
	h := handlerOf(t, m)
	const v2 = `{"context":{"service":"ranker","version":"v2"}}`
	first := ask(h, "POST", flags, v2)
	if want := `{"flags":[{"key":"encoder","value":"v4","reason":"TARGETING_MATCH","variant":"off",`; first.Code != 200 || !strings.HasPrefix(first.Body.String(), want) {
		t.Fatalf("%d %s, want %s", first.Code, first.Body, want)
	}
	tag := first.Header().Get("ETag")
	if w := ask(h, "POST", flags, v2, "If-None-Match", `"other", W/`+tag); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
		t.Errorf("nothing has changed, and the answer is %d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", flags, strings.Replace(v2, "v2", "v1", 1), "If-None-Match", tag); w.Code != 200 {
		t.Errorf("another version's flags are %d", w.Code)
	}
	set(t, st, "v2", `{"schema":1,"bundle":"sha256:bb","flags":{"encoder":"v5"},"serving":true,"quarantined":false}`)
	m.refresh(t.Context(), m.Targets())
	if w := ask(h, "POST", flags, v2, "If-None-Match", tag); w.Code != 200 || !strings.Contains(w.Body.String(), `"value":"v5","reason":"TARGETING_MATCH","variant":"on"`) {
		t.Errorf("released again: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", flags, strings.Replace(v2, "v2", "v9", 1)); w.Code != 200 || w.Body.String() != "{\"flags\":[]}\n" {
		t.Errorf("a version without a document: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", flags, `{}`); w.Code != 400 || !strings.Contains(w.Body.String(), InvalidContext) {
		t.Errorf("no context: %d %s", w.Code, w.Body)
	}
}

func TestOnlyWithAToken(t *testing.T) {
	h := handlerOf(t, memoryOf(t, open(t)))
	for _, header := range []string{"", "Bearer another-token-of-at-least-32-bytes", "Basic " + token} {
		w := ask(h, "POST", flags+"/encoder", `{"context":{"service":"ranker","version":"v1"}}`, "Authorization", header)
		if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "v4") || w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
	if w := ask(h, "GET", flags+"/encoder", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET is %d", w.Code)
	}
}

// Before the store was read there is nothing to say, and that is no flag that is not there.
func TestNotReadYet(t *testing.T) {
	st := open(t)
	m := NewMemory(func() []Target { return []Target{{Service: "ranker", Region: "default", Prefix: prefix, Store: st}} }, nil)
	h := handlerOf(t, m)
	const v1 = `{"context":{"service":"ranker","version":"v1"}}`
	for _, w := range []int{ask(h, "POST", flags+"/encoder", v1).Code, ask(h, "POST", flags, v1).Code, ask(h, "GET", "/flagd/ranker", "").Code} {
		if w != http.StatusInternalServerError {
			t.Errorf("answered %d", w)
		}
	}
}
