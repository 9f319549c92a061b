package promapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/autorollback/autorollback/outbound"
)

// What one answer may hold, beside [Most] bytes: an object of three bytes is a hundred once it is
// decoded. What the monitor asks for at once stays far below.
const (
	mostObjects = 50_000    // series, targets, rules of a group
	mostPairs   = 1_000_000 // names with a value: labels
	mostLists   = 500_000   // samples
	mostGroup   = 4 << 20   // bytes of one rule group
	smallAnswer = 1 << 20   // bytes; of larger answers of a Prometheus one is read at a time
)

// read decodes the body of a good answer. A large one has its turn until it is decoded.
func (c *Client) read(ctx context.Context, resp *http.Response, err error, decode func(body []byte) error) error {
	if err != nil {
		return outbound.Cause(err)
	}
	defer resp.Body.Close()
	counted := &counter{Reader: resp.Body}
	body, err := io.ReadAll(io.LimitReader(counted, smallAnswer))
	if len(body) == smallAnswer && err == nil {
		select {
		case c.large <- struct{}{}:
			defer func() { <-c.large }()
		case <-ctx.Done():
			return ctx.Err()
		}
		body, err = io.ReadAll(io.MultiReader(bytes.NewReader(body), counted))
	}
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return refusal(resp.StatusCode, body)
	}
	return decode(body)
}

// A counter counts what is in a JSON text while it is read, and ends where it is too much.
type counter struct {
	io.Reader
	objects, pairs, lists int
	quoted, escaped       bool
}

func (c *counter) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	for _, b := range into[:n] {
		c.count(b)
	}
	if over := c.over(); over != nil {
		return n, over
	}
	return n, err
}

func (c *counter) count(b byte) {
	switch {
	case c.escaped:
		c.escaped = false
	case c.quoted && b == '\\':
		c.escaped = true
	case b == '"':
		c.quoted = !c.quoted
	case c.quoted:
	case b == '{':
		c.objects++
	case b == ':':
		c.pairs++
	case b == '[':
		c.lists++
	}
}

func (c *counter) over() error {
	switch {
	case c.objects > mostObjects:
		return tooMuch("%d series", mostObjects)
	case c.pairs > mostPairs:
		return tooMuch("%d labels", mostPairs)
	case c.lists > mostLists:
		return tooMuch("%d samples", mostLists)
	}
	return nil
}

func tooMuch(format string, most int) error {
	return &Error{http.StatusOK, BadResponse, fmt.Sprintf("the answer has more than "+format+": narrow the query", most)}
}

// A window is a text of which a decoder may hold so much at once that it has not given out.
type window struct {
	io.Reader
	of   *json.Decoder
	read int64
}

func (w *window) Read(into []byte) (int, error) {
	if w.read-w.of.InputOffset() > mostGroup {
		return 0, tooMuch("%d bytes in one rule group", mostGroup)
	}
	n, err := w.Reader.Read(into)
	w.read += int64(n)
	return n, err
}
