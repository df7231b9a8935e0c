package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"tiercel.dev/local"
)

// token is an ID token that says who approves: from the environment, from the embedded cloud, or from gcloud.
func (a *approval) token(ctx context.Context) (string, error) {
	if token := os.Getenv(tokenVariable); token != "" {
		return strings.TrimSpace(token), nil
	}
	_, audience := a.address()
	if a.flags.local != "" {
		return localToken(ctx, a.flags.local, a.as, audience)
	}
	token, err := gcloud(ctx, "--audiences="+audience)
	if err != nil && strings.Contains(err.Error(), "--audiences") {
		// gcloud refuses an audience to people's own accounts. The function says whether it takes gcloud's.
		token, err = gcloud(ctx)
	}
	return token, err
}

func gcloud(ctx context.Context, flags ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "gcloud", append([]string{"auth", "print-identity-token"}, flags...)...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", mistake{fmt.Errorf("gcloud auth print-identity-token: %s", strings.TrimSpace(string(failed.Stderr)))}
	} else if err != nil {
		return "", mistake{fmt.Errorf("%w: an ID token may be given in %s", err, tokenVariable)}
	}
	return strings.TrimSpace(string(out)), nil
}

// localToken has the embedded cloud say that somebody is who he says, which it does for the user who runs it alone.
func localToken(ctx context.Context, address, account, audience string) (string, error) {
	query := url.Values{"account": {account}, "audience": {audience}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+local.TokenPath+"?"+query.Encode(), nil)
	if err != nil {
		return "", mistake{err}
	}
	path, err := local.SecretPath(address)
	if err != nil {
		return "", mistake{err}
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return "", mistake{fmt.Errorf("%w: no tiercel up of yours has the address %s", err, address)}
	}
	r.Header.Set("Authorization", "Bearer "+string(secret))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.URL.Path, answer.Status)
	}
	return string(text), err
}
