package actuators

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// traefikRouter is blue and green in one key, which says what a router of Traefik's sends
// everything to,
//
//	<root>/http/routers/<router>/service
type traefikRouter struct {
	traefik // of no service
	name    string
}

func (t traefikRouter) weights() string { return t.root + "/http/routers/" + t.name + "/service" }

func (t traefikRouter) weightKey() string { return t.weights() }

func (t traefikRouter) decode(snap store.Snapshot) (record.Split, error) {
	key, _, err := t.read(snap)
	if err != nil {
		return nil, err
	}
	return record.Split{strings.TrimSpace(string(key.Value)): 100}, nil
}

// read returns the key, and whether Traefik's tree has other keys of the router.
func (t traefikRouter) read(snap store.Snapshot) (key store.Entry, known bool, err error) {
	for _, e := range snap.Under(t.root + "/") {
		parts := fragments(e.Key[len(t.root)+1:])
		if len(parts) < 4 || fold(parts[0]) != "http" || fold(parts[1]) != "routers" || fold(parts[2]) != fold(t.name) {
			continue
		}
		known = true
		if len(parts) > 4 || fold(parts[3]) != "service" {
			continue
		}
		if key.Index != 0 {
			return key, known, fmt.Errorf("read %s: Traefik takes it and %s for one key, and only one of them counts; delete one", e.Key, key.Key)
		}
		key = e
	}
	if len(strings.TrimSpace(string(key.Value))) == 0 {
		err = fmt.Errorf("read %s: %w", t.weights(), ErrNoSplit)
	}
	return key, known, err
}

func (t traefikRouter) writes(snap store.Snapshot, to record.Split) (record.Split, []write, error) {
	key, known, err := t.read(snap)
	if err != nil && !errors.Is(err, ErrNoSplit) {
		return nil, nil, err
	}
	from := record.Split{}
	if err == nil {
		from[strings.TrimSpace(string(key.Value))] = 100
	}
	name := ""
	for backend, w := range to {
		if w == 100 {
			name = backend
		}
	}
	switch {
	case name == "":
		return nil, nil, fmt.Errorf("plan %s: a router has one service, and %v are several; write a rollout of strategy bluegreen with holdback 0", t.weights(), to)
	case !known:
		return nil, nil, fmt.Errorf("plan %s: there is no router %s under %s/http/routers/; create it with its rule first", t.weights(), t.name, t.root)
	case !t.walk(snap).serves(name):
		return nil, nil, fmt.Errorf("plan %s: there is no service %s under %s/http/services/; create it first", t.weights(), name, t.root)
	}
	w := write{key: t.weights(), from: string(key.Value), to: name, index: key.Index}
	if key.Index != 0 {
		w.key = key.Key
	}
	return from, []write{w}, nil
}

func (t traefikRouter) lint(snap store.Snapshot) []Hazard {
	w := t.walk(snap)
	key, _, err := t.read(snap)
	name, _, _ := strings.Cut(string(key.Value), "@")
	w.concerns[name] = true
	found := w.lint()
	switch {
	case err != nil && !errors.Is(err, ErrNoSplit):
		found = append(found, refused(t.weights(), err))
	case err == nil && !w.serves(string(key.Value)):
		found = append(found, Hazard{Key: key.Key, What: fmt.Sprintf("there is no service %q under %s/http/services/, and the router serves nobody", key.Value, t.root), Fix: "create the service", Blocking: true})
	}
	slices.SortStableFunc(found, func(a, b Hazard) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// observe reads what Traefik's API says of the router.
func (t traefikRouter) observe(get fetch, _ []string) (record.Split, error) {
	body, err := get("/api/http/routers/" + url.PathEscape(t.name) + "@consul")
	if errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("it has no router %s@consul, or does not show its API: %w", t.name, err)
	}
	if err != nil {
		return nil, err
	}
	var shown struct {
		Status  string   `json:"status"`
		Service string   `json:"service"`
		Error   []string `json:"error"`
	}
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil, fmt.Errorf("its answer is not a router of Traefik's API: %w", err)
	}
	if shown.Status == "disabled" || shown.Service == "" {
		return nil, fmt.Errorf("its router %s@consul is %q %q", t.name, shown.Status, shown.Error)
	}
	return record.Split{shown.Service: 100}, nil
}

func (t traefikRouter) mirroring(runbook.Mirroring) (mirrors, error) {
	return nil, errors.New("read routing.mirror: with routing.type router there is no weighted service behind the mirror; leave it out")
}
