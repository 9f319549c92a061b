package routers

import (
	"net/url"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// An example is a copy of a folder of examples/routers that follows the world's Consul.
type example struct {
	*servers.Example
	*world
	place *place
}

func (w *world) example(folder string) example {
	w.Helper()
	e := example{servers.NewExample(w, folder), w, w.place(runbook.Routing{Router: runbook.JSONKey, Key: servers.Document})}
	e.place.url, e.place.instance = e.URL, e.View
	return e
}

// copied is an example of which consul-template alone is started.
func (w *world) copied(folder, file string, swaps map[string]string) example {
	w.Helper()
	e := w.example(folder)
	e.Copy(w.consul, swaps)
	e.first()
	e.Render(file)
	return e
}

// started is an example in front of the model servers.
func (w *world) started(folder string) *place {
	w.Helper()
	e := w.example(folder)
	e.first()
	pods := map[string][]string{}
	for name, at := range w.models {
		u, err := url.Parse(at)
		if err != nil {
			w.Fatal(err)
		}
		pods[name] = []string{u.Host}
	}
	e.Start(w.consul, pods)
	return e.place
}

// first writes the first document, as docs/routers.md has a human do.
func (w *world) first() {
	w.Helper()
	w.put(servers.Document, `{"weights":{"ranker-v1":100,"ranker-v2":0}}`)
}
