package promapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/autorollback/autorollback/outbound"
)

// What one answer may hold, beside [Most] bytes: an object of three bytes is a hundred once it is
// decoded. Evidence of a day at 15 s for three hundred series stays below.
const (
	mostObjects = 50_000    // series, targets, rules of a group
	mostPairs   = 1_000_000 // names with a value: labels
	mostLists   = 2_000_000 // samples
	smallAnswer = 1 << 20   // bytes; of larger answers of a Prometheus one is read at a time
)

// read decodes the body of a good answer. A large one has its turn until it is decoded.
func (c *Client) read(ctx context.Context, resp *http.Response, err error, decode func(body []byte) error) error {
	if err != nil {
		return outbound.Cause(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, smallAnswer))
	if len(body) == smallAnswer && err == nil {
		select {
		case c.large <- struct{}{}:
			defer func() { <-c.large }()
		case <-ctx.Done():
			return ctx.Err()
		}
		body, err = io.ReadAll(io.MultiReader(bytes.NewReader(body), resp.Body))
	}
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return refusal(resp.StatusCode, body)
	}
	if err := fits(body); err != nil {
		return err
	}
	return decode(body)
}

// fits counts what an answer holds before any of it is decoded.
func fits(body []byte) error {
	objects, pairs, lists, quoted := 0, 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			objects++
		case c == ':':
			pairs++
		case c == '[':
			lists++
		}
	}
	for _, n := range []struct {
		what      string
		has, most int
	}{{"objects", objects, mostObjects}, {"labels", pairs, mostPairs}, {"samples", lists, mostLists}} {
		if n.has > n.most {
			return &Error{http.StatusOK, BadResponse, fmt.Sprintf("the answer has %d %s, more than %d: narrow the query", n.has, n.what, n.most)}
		}
	}
	return nil
}
