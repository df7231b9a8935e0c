package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/googleapis/gax-go/v2/apierror"
	"github.com/spf13/cobra"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local"
)

// pubsubFlags say which Pub/Sub a command talks to.
type pubsubFlags struct{ project, local string }

const pubsubHelp = `It uses application default credentials (gcloud auth application-default login). With --local it talks to a running
"tiercel up", which prints its address; and where PUBSUB_EMULATOR_HOST is set, to what is there.`

func (p *pubsubFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.project, "project", "", "`project` of names that are given short")
	cmd.Flags().StringVar(&p.local, "local", "", "`address` (HOST:PORT) of the Pub/Sub of a running tiercel up")
	noFiles(cmd, "project", "local")
}

// noFiles has shells offer no file names for flags that take none.
func noFiles(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		// The error is that the flag is not there, which the help's test would show first.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// resource is a short or full name as a full one; collection is topics or subscriptions.
func (p *pubsubFlags) resource(collection, name string) (string, error) {
	project := p.project
	if p.local != "" && project == "" {
		project = local.Project
	}
	full := regexp.MustCompile(`^projects/[^/]+/` + collection + `/[^/]+$`)
	if full.MatchString(name) {
		return name, nil
	}
	short := "projects/" + project + "/" + collection + "/" + name
	switch {
	case project == "" && full.MatchString("projects/p/"+collection+"/"+name):
		return "", mistake{fmt.Errorf("the project of %q is not known: give --project, or the full name, projects/PROJECT/%s/NAME", name, collection)}
	case !full.MatchString(short):
		return "", mistake{fmt.Errorf("%q is not projects/PROJECT/%s/NAME", name, collection)}
	}
	return short, nil
}

// open returns a client, for the project of a full name.
func (p *pubsubFlags) open(ctx context.Context, name string) (*pubsub.Client, error) {
	address, options := os.Getenv("PUBSUB_EMULATOR_HOST"), []option.ClientOption(nil)
	if p.local != "" {
		address, options = p.local, local.Reach(p.local)
	}
	if address != "" {
		if err := listens(ctx, address); err != nil {
			return nil, err
		}
	}
	client, err := pubsub.NewClient(ctx, projectOf(name), options...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return client, nil
}

// listens keeps a mistyped address from being tried for a minute.
func listens(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return mistake{fmt.Errorf("nothing answers at %q: %w; is tiercel up running there?", address, err)}
	}
	return c.Close()
}

var projectPart = regexp.MustCompile(`^projects/([^/]+)/`)

func projectOf(name string) string {
	if m := projectPart.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// An access is what a call needs: permissions, each with the resource to have it on.
// https://cloud.google.com/pubsub/docs/access-control#required_permissions
type access []string

// answered is an error of a call to Pub/Sub, which says what the caller may not do where that is the reason.
func answered(doing string, err error, needs access) error {
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if status.Code(err) != codes.PermissionDenied {
		return wrapped
	}
	missing := strings.Join(needs, " and ")
	if api, ok := apierror.FromError(err); ok && api.Metadata()["permission"] != "" {
		missing = api.Metadata()["permission"] + " on " + api.Metadata()["resource"]
	}
	return fmt.Errorf("%w; it needs %s", wrapped, missing)
}

// named makes an answer the user's mistake where it says that a name or a text that the user gave is wrong.
func named(err error) error {
	switch status.Code(err) {
	case codes.NotFound, codes.InvalidArgument, codes.FailedPrecondition:
		return mistake{err}
	}
	return err
}
