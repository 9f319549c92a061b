package promapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// groupsAPage is how many rule groups are asked for at once, where the server knows pages
// (Prometheus 3). Of one that does not the whole answer is read as it comes.
const groupsAPage = 200

// mostRefusal is how much is read of an answer that says why there is none, in bytes.
const mostRefusal = 16 << 10

// A RuleGroup is one that Prometheus has loaded.
type RuleGroup struct {
	Name, File string
	Interval   float64 // seconds
	Rules      []Rule
}

// A Rule is a loaded one, and how its last evaluation went.
type Rule struct {
	Type                string // "alerting" or "recording"
	Name, Query         string
	Duration            float64 // seconds an alert's expression must hold
	Labels, Annotations map[string]string
	Health, LastError   string // "ok", "unknown" or "err"
	LastEvaluation      time.Time
}

// A Target is one that Prometheus scrapes.
type Target struct {
	DiscoveredLabels map[string]string // as they were before relabelling
	Labels           map[string]string
	ScrapeURL        string
	ScrapeInterval   string // e.g. "5s"
	Health           string // "up", "down" or "unknown"
	LastError        string // of the last scrape
}

// Targets are those that Prometheus scrapes.
func (c *Client) Targets(ctx context.Context) ([]Target, error) {
	var found struct{ ActiveTargets []Target }
	err := c.data(ctx, "targets", &found)
	return found.ActiveTargets, err
}

// Alertmanagers are the addresses at which Prometheus gives its alerts to the Alertmanagers
// that it has found, e.g. http://localhost:9093/api/v2/alerts.
func (c *Client) Alertmanagers(ctx context.Context) ([]string, error) {
	var found struct{ ActiveAlertmanagers []struct{ URL string } }
	if err := c.data(ctx, "alertmanagers", &found); err != nil {
		return nil, err
	}
	var urls []string
	for _, am := range found.ActiveAlertmanagers {
		urls = append(urls, am.URL)
	}
	return urls, nil
}

// Config is the loaded configuration, as YAML.
func (c *Client) Config(ctx context.Context) (string, error) {
	var found struct{ YAML string }
	err := c.data(ctx, "status/config", &found)
	return found.YAML, err
}

// data reads what an endpoint answers beside its status.
func (c *Client) data(ctx context.Context, endpoint string, into any) error {
	resp, err := c.get(ctx, endpoint, "")
	return c.read(ctx, resp, err, func(body []byte) error { return json.Unmarshal(body, &struct{ Data any }{into}) })
}

// RuleGroups hands over each loaded rule group of the names, or all if there are none, decoded
// one after the other, so that the answer is never in memory whole.
func (c *Client) RuleGroups(ctx context.Context, each func(RuleGroup) error, names ...string) error {
	for next := ""; ; {
		q := url.Values{"exclude_alerts": {"true"}, "group_limit": {strconv.Itoa(groupsAPage)}}
		if len(names) > 0 {
			q["rule_group[]"] = names
		}
		if next != "" {
			q.Set("group_next_token", next)
		}
		var err error
		if next, err = c.page(ctx, q.Encode(), each); err != nil || next == "" {
			return err
		}
	}
}

func (c *Client) page(ctx context.Context, query string, each func(RuleGroup) error) (next string, err error) {
	resp, err := c.get(ctx, "rules", query)
	if err != nil {
		return "", outbound.Cause(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, mostRefusal))
		return "", refusal(resp.StatusCode, text)
	}
	text := &window{Reader: resp.Body}
	counted := &counter{Reader: text}
	r := groupReader{json.NewDecoder(counted), each, counted, ""}
	text.of = r.Decoder
	err = r.object(map[string]func() error{"data": func() error {
		return r.object(map[string]func() error{"groups": r.groups, "groupNextToken": func() error { return r.Decode(&r.next) }})
	}})
	return r.next, err
}

// A groupReader reads /api/v1/rules token by token.
type groupReader struct {
	*json.Decoder
	each    func(RuleGroup) error
	counted *counter
	next    string
}

// object reads an object, each wanted field by its function; others are passed over.
func (r *groupReader) object(fields map[string]func() error) error {
	if err := r.delim('{'); err != nil {
		return err
	}
	for r.More() {
		key, err := r.Token()
		if err != nil {
			return err
		}
		read, wanted := fields[fmt.Sprint(key)]
		if !wanted {
			read = func() error { var skipped json.RawMessage; return r.Decode(&skipped) }
		}
		if err := read(); err != nil {
			return err
		}
	}
	return r.delim('}')
}

func (r *groupReader) groups() error {
	if err := r.delim('['); err != nil {
		return err
	}
	for r.More() {
		var g RuleGroup
		r.counted.objects, r.counted.pairs, r.counted.lists = 0, 0, 0 // of one group
		if err := r.Decode(&g); err != nil {
			return fmt.Errorf("read rule group: %w", err)
		}
		if err := r.each(g); err != nil {
			return err
		}
	}
	return r.delim(']')
}

func (r *groupReader) delim(want json.Delim) error {
	got, err := r.Token()
	if err == nil && got != want {
		err = fmt.Errorf("read rules: %v where %v should be", got, want)
	}
	return err
}
