package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

// What Slack takes, in characters.
const (
	slackHeader  = 150
	slackSection = 3000
	slackText    = 4000 // longer ones are cut
	slackContext = 2000
)

// Slack posts messages to an incoming webhook. A webhook can neither start nor answer a thread (that takes
// a bot's token), so all messages of an incident begin with the same line.
type Slack struct {
	endpoint
	pages Pages
}

// NewSlack takes the webhook's address, which is a secret, and the client that calls it.
func NewSlack(address secret.Value, client *http.Client, pages Pages) (*Slack, error) {
	to, err := newEndpoint(address, client)
	if err != nil {
		return nil, fmt.Errorf("slack webhook's address: %w", err)
	}
	return &Slack{to, pages}, nil
}

type slackBody struct {
	Text   string       `json:"text"` // for notifications, and whoever shows no blocks
	Blocks []slackBlock `json:"blocks"`
	// No bot of Slack looks at the links.
	UnfurlLinks bool `json:"unfurl_links"`
	UnfurlMedia bool `json:"unfurl_media"`
}

type slackBlock struct {
	Type     string         `json:"type"`
	Text     *slackObject   `json:"text,omitempty"`
	Elements []*slackObject `json:"elements,omitempty"`
}

type slackObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

// Send posts the message once.
func (s *Slack) Send(ctx context.Context, m record.Message, link string) error {
	body, err := json.Marshal(slackOf(cardOf(m, link, s.pages)))
	if err != nil {
		return fmt.Errorf("post to Slack: %w", err)
	}
	return s.chat(ctx, "Slack", body, func(a answer) bool { return a.status == http.StatusBadRequest })
}

func slackOf(c card) slackBody {
	b := slackBody{Text: clip(c.Title, slackText, slackEscape)}
	b.Blocks = append(b.Blocks, slackBlock{Type: "context", Elements: []*slackObject{slackPlain(c.Thread, slackContext)}},
		slackBlock{Type: "header", Text: slackPlain(c.Title, slackHeader)})
	if len(c.Lines) > 0 {
		b.Blocks = append(b.Blocks, slackBlock{Type: "section", Text: slackPlain(strings.Join(c.Lines, "\n"), slackSection)})
	}
	var links []string
	for _, l := range c.Links {
		links = append(links, "<"+slackURL.Replace(l.URL)+"|"+l.Label+">")
	}
	if text := strings.Join(links, "   "); text != "" && len(text) <= slackSection { // an address is used whole or not at all
		b.Blocks = append(b.Blocks, slackBlock{Type: "section", Text: &slackObject{Type: "mrkdwn", Text: text, Verbatim: true}})
	}
	b.Blocks = append(b.Blocks, slackBlock{Type: "context", Elements: []*slackObject{slackPlain(c.Foot, slackContext)}})
	return b
}

// slackPlain is a text in which nothing is formatted, named or linked.
func slackPlain(text string, most int) *slackObject {
	return &slackObject{Type: "plain_text", Text: clip(text, most, slackEscape), Emoji: new(bool)}
}

// slackEscape writes the three characters that control how Slack reads a text: without them, no text of an
// alert is a mention such as <!channel>, or a link.
func slackEscape(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

var slackURL = strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C")
