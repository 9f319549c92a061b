package receivers

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
)

// Teams is the webhook of a Teams workflow: a message with one Adaptive Card, 28 kB at most, whose texts are
// no Markdown.
func Teams(tb testing.TB) *Chat {
	return serve(tb, "/workflows/canary4711canary4711canary4711ab/triggers/manual/paths/invoke?sig=CANARYsig4711", http.StatusAccepted, func(body []byte) (int, string) {
		if len(body) > 28_000 {
			return http.StatusRequestEntityTooLarge, fmt.Sprintf("%d bytes", len(body))
		}
		if err := teamsBody(body); err != nil {
			return http.StatusBadRequest, err.Error()
		}
		return http.StatusAccepted, ""
	})
}

type teamsRun struct {
	Type, Text, Size, Weight, Color string
	IsSubtle                        bool `json:"isSubtle"`
}

func teamsBody(body []byte) error {
	var b struct {
		Type        string
		Attachments []struct {
			ContentType string  `json:"contentType"`
			ContentURL  *string `json:"contentUrl"`
			Content     struct {
				Schema       string `json:"$schema"`
				Type         string
				Version      string
				FallbackText string                 `json:"fallbackText"`
				Teams        struct{ Width string } `json:"msteams"`
				Body         []struct {
					Type, Spacing string
					Inlines       []teamsRun
				}
				Actions []struct{ Type, Title, URL string }
			}
		}
	}
	if err := strictly(body, &b); err != nil {
		return err
	}
	if b.Type != "message" || len(b.Attachments) != 1 || b.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || b.Attachments[0].ContentURL != nil {
		return fmt.Errorf("no message with one card")
	}
	card := b.Attachments[0].Content
	if card.Type != "AdaptiveCard" || !regexp.MustCompile(`^1\.[45]$`).MatchString(card.Version) || len(card.Body) == 0 || card.FallbackText == "" {
		return fmt.Errorf("no AdaptiveCard of 1.4 or 1.5: %q %q", card.Type, card.Version)
	}
	if !slices.Contains([]string{"", "Full"}, card.Teams.Width) {
		return fmt.Errorf("width %q", card.Teams.Width)
	}
	for n, block := range card.Body {
		if block.Type != "RichTextBlock" || len(block.Inlines) == 0 || !slices.Contains([]string{"", "None", "Small", "Default", "Medium", "Large"}, block.Spacing) {
			return fmt.Errorf("block %d is a %q, in which text may be Markdown", n, block.Type)
		}
		for _, run := range block.Inlines {
			if err := run.check(); err != nil {
				return fmt.Errorf("block %d: %w", n, err)
			}
		}
	}
	for _, a := range card.Actions {
		if u, err := url.Parse(a.URL); a.Type != "Action.OpenUrl" || a.Title == "" || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("action %+v", a)
		}
	}
	return nil
}

func (r teamsRun) check() error {
	switch {
	case r.Type != "TextRun" || r.Text == "":
	case !slices.Contains([]string{"", "Small", "Default", "Medium", "Large", "ExtraLarge"}, r.Size):
	case !slices.Contains([]string{"", "Lighter", "Default", "Bolder"}, r.Weight):
	case !slices.Contains([]string{"", "Default", "Good", "Warning", "Attention"}, r.Color):
	default:
		return nil
	}
	return fmt.Errorf("no TextRun: %+v", r)
}
