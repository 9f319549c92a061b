package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

const (
	teamsMost  = 28_000 // bytes of a message
	teamsLine  = 200    // characters of what stands on one line
	teamsLines = 3000   // characters of the rest
)

// Teams posts messages as Adaptive Cards to a Workflows' incoming webhook ("When a Teams webhook request is
// received"). Such a webhook cannot answer a thread, so all messages of an incident begin with the same
// line.
type Teams struct {
	endpoint
	pages Pages
}

// NewTeams takes the webhook's address, which is a secret, and the client that calls it.
func NewTeams(address secret.Value, client *http.Client, pages Pages) (*Teams, error) {
	to, err := newEndpoint(address, client)
	if err != nil {
		return nil, fmt.Errorf("teams webhook's address: %w", err)
	}
	return &Teams{to, pages}, nil
}

type teamsBody struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	ContentURL  *string   `json:"contentUrl"`
	Content     teamsCard `json:"content"`
}

type teamsCard struct {
	Schema       string            `json:"$schema"`
	Type         string            `json:"type"`
	Version      string            `json:"version"`
	FallbackText string            `json:"fallbackText"`
	Teams        map[string]string `json:"msteams"`
	Body         []teamsBlock      `json:"body"`
	Actions      []teamsAction     `json:"actions,omitempty"`
}

// A teamsBlock is a RichTextBlock: unlike a TextBlock's, its text is never read as Markdown.
type teamsBlock struct {
	Type    string     `json:"type"`
	Spacing string     `json:"spacing,omitempty"`
	Inlines []teamsRun `json:"inlines"`
}

type teamsRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
	Color  string `json:"color,omitempty"`
	Subtle bool   `json:"isSubtle,omitempty"`
}

type teamsAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Send posts the message once.
func (s *Teams) Send(ctx context.Context, m record.Message, link string) error {
	body, err := json.Marshal(teamsOf(cardOf(m, link, s.pages)))
	if err != nil {
		return fmt.Errorf("post to Teams: %w", err)
	}
	if len(body) > teamsMost {
		return failure{text: fmt.Sprintf("post to Teams: the message has %d bytes, and it takes %d", len(body), teamsMost), refused: true}
	}
	return s.chat(ctx, "Teams", body, func(a answer) bool { return a.status == http.StatusRequestEntityTooLarge })
}

func teamsOf(c card) teamsBody {
	title := teamsRun{Text: c.Title, Size: "Large", Weight: "Bolder"}
	if c.Page {
		title.Color = "Attention"
	}
	card := teamsCard{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		FallbackText: clip(c.Title, teamsLine, asItIs), Teams: map[string]string{"width": "Full"},
		Body: []teamsBlock{teamsText(teamsRun{Text: c.Thread, Size: "Small", Subtle: true}, "", teamsLine), teamsText(title, "Small", teamsLine)},
	}
	left := teamsLines
	for _, line := range c.Lines {
		if left <= 1 {
			break
		}
		block := teamsText(teamsRun{Text: line}, "Small", left)
		left -= len([]rune(block.Inlines[0].Text))
		card.Body = append(card.Body, block)
	}
	card.Body = append(card.Body, teamsText(teamsRun{Text: c.Foot, Size: "Small", Subtle: true}, "", teamsLine))
	for _, l := range c.Links {
		card.Actions = append(card.Actions, teamsAction{"Action.OpenUrl", l.Label, l.URL})
	}
	return teamsBody{Type: "message", Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: card}}}
}

func teamsText(run teamsRun, spacing string, most int) teamsBlock {
	run.Type, run.Text = "TextRun", clip(run.Text, most, asItIs)
	return teamsBlock{Type: "RichTextBlock", Spacing: spacing, Inlines: []teamsRun{run}}
}

func asItIs(r rune) string { return string(r) }
