package samples

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
)

// get asks an address of the service.
func (a Asker) get(ctx context.Context, q Ask, side filled, take func(part) error) error {
	address := side.fill(q.Source.URL, url.QueryEscape)
	resp, err := a.call(ctx, q, address)
	if err != nil {
		return err
	}
	return take(part{name: q.Source.Name, version: side.version, in: resp.Body})
}

// call sends a GET, with the source's token, and refuses any answer but 200.
func (a Asker) call(ctx context.Context, q Ask, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.Source.Name, outbound.Cause(err))
	}
	token, err := q.Source.Token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if q.Source.Tenant != "" {
		req.Header.Set("X-Scope-OrgID", q.Source.Tenant)
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.Source.Name, outbound.NoAnswer(err))
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // the status is enough
		return nil, fmt.Errorf("ask %s: %s: %s", q.Source.Name, outbound.Status(resp.StatusCode), outbound.Excerpt(string(said)))
	}
	return resp, nil
}

// mostLoki is how many lines a Loki is asked for, which is what it gives at most as it is shipped.
const mostLoki = 5000

// lokiAnswer is what query_range says of lines.
type lokiAnswer struct {
	Status string
	Data   struct {
		ResultType string
		Result     []struct {
			Stream map[string]string
			Values []lokiEntry
		}
	}
}

// A lokiEntry is [nanoseconds as text, line], and in newer versions more behind them.
type lokiEntry []json.RawMessage

func (e lokiEntry) read() (at time.Time, line string, err error) {
	if len(e) < 2 {
		return at, "", fmt.Errorf("an entry with %d parts", len(e))
	}
	var ns string
	if err := json.Unmarshal(e[0], &ns); err != nil {
		return at, "", fmt.Errorf("read an entry's time: %w", err)
	}
	n, err := strconv.ParseInt(ns, 10, 64)
	if err != nil {
		return at, "", fmt.Errorf("read an entry's time: %w", err)
	}
	if err := json.Unmarshal(e[1], &line); err != nil {
		return at, "", fmt.Errorf("read an entry's line: %w", err)
	}
	return time.Unix(0, n).UTC(), line, nil
}

// inQuotes is a value inside of a string of LogQL, which it cannot end.
var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "'")

// loki asks for the newest lines of the time.
func (a Asker) loki(ctx context.Context, q Ask, side filled, take func(record.LogLine)) error {
	ask := url.Values{"query": {side.fill(q.Source.Query, inQuotes.Replace)}, "start": {strconv.FormatInt(q.From.UnixNano(), 10)},
		"end": {strconv.FormatInt(q.To.UnixNano()+1, 10)}, "limit": {strconv.Itoa(mostLoki)}, "direction": {"backward"}}
	resp, err := a.call(ctx, q, strings.TrimRight(q.Source.Loki, "/")+"/loki/api/v1/query_range?"+ask.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer lokiAnswer
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", q.Source.Name, outbound.Cause(err))
	}
	if answer.Status != "success" || answer.Data.ResultType != "streams" {
		return fmt.Errorf("ask %s: it answers %s of %s; write a query that selects lines", q.Source.Name, outbound.Excerpt(answer.Data.ResultType), outbound.Excerpt(answer.Status))
	}
	for _, s := range answer.Data.Result {
		for _, entry := range s.Values {
			at, line, err := entry.read()
			if err != nil {
				return fmt.Errorf("read the answer of %s: %w", q.Source.Name, err)
			}
			take(record.LogLine{TS: at, Labels: s.Stream, Text: line})
		}
	}
	return nil
}

// lokiRequests takes each line as a record of a recording.
func (a Asker) lokiRequests(ctx context.Context, q Ask, side filled, take func(part) error) error {
	var all strings.Builder
	if err := a.loki(ctx, q, side, func(line record.LogLine) { all.WriteString(line.Text + "\n") }); err != nil {
		return err
	}
	return take(part{name: q.Source.Name, version: side.version, in: io.NopCloser(strings.NewReader(all.String()))})
}
