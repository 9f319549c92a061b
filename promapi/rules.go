package promapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// groupsAPage is how many rule groups are asked for at once, where the server knows pages
// (Prometheus 3). Of one that does not the whole answer is read as it comes.
const groupsAPage = 200

// RuleGroups hands over each loaded rule group, decoded one after the other, so that the
// answer is never in memory whole.
func (c *Client) RuleGroups(ctx context.Context, each func(v1.RuleGroup) error) error {
	for next := ""; ; {
		q := url.Values{"exclude_alerts": {"true"}, "group_limit": {strconv.Itoa(groupsAPage)}}
		if next != "" {
			q.Set("group_next_token", next)
		}
		u := c.client.URL("/api/v1/rules", nil)
		u.RawQuery = q.Encode()
		var err error
		if next, err = c.page(ctx, u.String(), each); err != nil || next == "" {
			return err
		}
	}
}

func (c *Client) page(ctx context.Context, address string, each func(v1.RuleGroup) error) (next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.stream.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return "", fmt.Errorf("%s: %s", resp.Status, text)
	}
	r := groupReader{json.NewDecoder(resp.Body), each, ""}
	err = r.object(map[string]func() error{"data": func() error {
		return r.object(map[string]func() error{"groups": r.groups, "groupNextToken": func() error { return r.Decode(&r.next) }})
	}})
	return r.next, err
}

// A groupReader reads /api/v1/rules token by token.
type groupReader struct {
	*json.Decoder
	each func(v1.RuleGroup) error
	next string
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
		var g v1.RuleGroup
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
