package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"time"

	"tiercel.dev/internal/containerd"
)

// socket is where a sensor looks for a runtime unless it is told another place.
const socket = "/run/containerd/containerd.sock"

// acts are what somebody might do who has come in.
type acts struct{ runtime *containerd.Containerd }

func newActs(ctx context.Context, bin string) (*acts, error) {
	if _, err := os.Stat(socket); err == nil {
		return nil, fmt.Errorf("%s is there: this machine has a containerd, and the pictures want one of their own", socket)
	}
	c, err := containerd.Start(ctx, bin, socket)
	return &acts{c}, err
}

func (a *acts) end() { _ = a.runtime.Close() }

// serve is a web server with a hole: what stands behind the question mark is run.
const serve = `busybox mkdir -p /www/cgi-bin && cd /www/cgi-bin && echo '#!/bin/sh
echo
sh -c "$(busybox httpd -d "$QUERY_STRING")"' > status && busybox chmod 755 status && exec busybox httpd -f -p 127.0.0.1:` + port + ` -h /www`

// drop has a miner come in and start.
const drop = `cat /bin/busybox > /tmp/xmrig; busybox chmod 755 /tmp/xmrig; /tmp/xmrig --version; true`

const port = "18099"

// all does everything, with pauses that give the picture of the rates a shape.
func (a *acts) all(ctx context.Context, r *run) error {
	pod, err := a.runtime.Pod(ctx, "shop", "web-5d4f8c7b9-x2x4z")
	if err != nil {
		return err
	}
	if _, err := a.runtime.Container(ctx, pod, "app", false, "/bin/sh", "-c", serve); err != nil {
		return err
	}
	pause := func() { time.Sleep(4 * time.Second) }
	for _, act := range []struct {
		rule string // that sees it
		do   func() error
	}{
		{"sensitive_file_read", func() error { return onHost(ctx, "cat /etc/shadow > /dev/null") }},
		{"terminal_shell_in_container", func() error {
			_, err := a.runtime.Container(ctx, pod, "debug", true, "/bin/sh")
			return err
		}},
		{"crypto_miner_started", func() error { return get(ctx, "http://127.0.0.1:"+port+"/cgi-bin/status?"+url.QueryEscape(drop)) }},
		{"setuid_bit_set", func() error { return setuid(ctx) }},
	} {
		pause()
		if err := act.do(); err != nil {
			return err
		}
		if err := r.until(ctx, act.rule); err != nil {
			return err
		}
	}
	pause()
	return r.quiet("sensitive_file_read", "terminal_shell_in_container", "stdio_redirected_to_network_in_container",
		"execution_from_temporary_directory_in_container", "crypto_miner_started", "drop_and_execute_in_container", "setuid_bit_set")
}

func get(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// onHost runs commands in a shell.
func onHost(ctx context.Context, commands string, args ...string) error {
	args = append([]string{"-c", commands + "; true"}, args...)
	if out, err := exec.CommandContext(ctx, "bash", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", commands, err, out)
	}
	return nil
}

// setuid makes a program that runs as its owner, and removes it.
func setuid(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return onHost(ctx, `cp /bin/true "$0/helper" && chmod u+s "$0/helper"`, dir)
}
