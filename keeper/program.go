package keeper

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/secret"
)

// Name is the helper's file.
const Name = "autorollback-keeper"

// A Program is the helper, as a file.
type Program struct {
	Path   string
	Within time.Duration // for one task that names no time
}

// ErrMissing means that there is no helper: nothing that needs it is done.
var ErrMissing = errors.New("the helper program is missing")

// Find is the helper at that path or, if that is empty, beside the program that runs. An error wraps [ErrMissing].
func Find(path string) (string, error) {
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrMissing, err)
		}
		path = filepath.Join(filepath.Dir(own), Name)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return "", fmt.Errorf("%w: %s is no program", ErrMissing, path)
	}
	return path, nil
}

// Do has the helper do one task. Its environment is ours: there object stores have their credentials. An
// error says what the helper did, or that it said nothing that can be understood.
func (p Program) Do(ctx context.Context, q Request) (Answer, error) {
	path, err := Find(p.Path)
	if err != nil {
		return Answer{}, err
	}
	q.Schema, q.Within = Schema, cmp.Or(q.Within, p.Within)
	text, err := json.Marshal(q)
	if err != nil {
		return Answer{}, fmt.Errorf("encode request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, q.Within+grace)
	defer cancel()
	out, problems := bounded{most: mostAnswer}, bounded{most: mostErrors}
	cmd := exec.CommandContext(ctx, path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(text), &out, &problems, grace
	err = cmd.Run()
	if ctx.Err() != nil {
		return Answer{}, fmt.Errorf("%s: %s: %w", Name, q.Task, ctx.Err())
	}
	return answerOf(q.Task, err, out, problems)
}

// grace is how long the helper may take to say that its time is over.
const grace = 2 * time.Second

func answerOf(task Task, ended error, out, problems bounded) (Answer, error) {
	var exit *exec.ExitError
	if ended != nil && !(errors.As(ended, &exit) && exit.ExitCode() == ExitProblem) {
		return Answer{}, fmt.Errorf("%s: %s: %w: %s", Name, task, ended, strings.TrimSpace(string(secret.Redact(problems.text))))
	}
	var a Answer
	switch err := json.Unmarshal(out.text, &a); {
	case out.cut:
		return Answer{}, fmt.Errorf("%s: %s: it answers more than %d bytes", Name, task, mostAnswer)
	case err != nil:
		return Answer{}, fmt.Errorf("%s: %s: read answer: %w", Name, task, err)
	case a.Schema != Schema:
		return Answer{}, fmt.Errorf("%s: %s: it speaks schema %d, and we %d: take both programs from one release", Name, task, a.Schema, Schema)
	case a.Problem != "":
		return a, fmt.Errorf("%s: %s", task, a.Problem)
	case ended != nil:
		return Answer{}, fmt.Errorf("%s: %s: it ends with %d, and says no problem", Name, task, ExitProblem)
	}
	return a, nil
}

// bounded keeps the first bytes of an output, and lets the rest go by.
type bounded struct {
	most int
	text []byte
	cut  bool
}

// Write implements io.Writer. It never fails: a writer that does would end the helper in the middle.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - len(b.text)
	b.cut = b.cut || len(p) > room
	b.text = append(b.text, p[:min(len(p), room)]...)
	return len(p), nil
}
