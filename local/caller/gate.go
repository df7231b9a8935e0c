package caller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Gate is what each call of a stand-in goes through. The zero value lets everybody do everything.
type Gate struct {
	// Permissions are what each caller may do. Who calls says so in [Header].
	Permissions Permissions
	// Before is called before each call with its method, such as "ListLogEntries", and the name or parent that it asks for; its
	// error is the answer. It may wait, to be slow. [Exhausted] makes a quota's error. nil for never.
	Before func(ctx context.Context, method, name string) error
}

// Pass refuses a call that a test wants refused, or whose caller has not the permission for it.
func (g Gate) Pass(ctx context.Context, method, name, permission string) error {
	if g.Before != nil {
		if err := g.Before(ctx, method, name); err != nil {
			return err
		}
	}
	if !g.Permissions.May(ctx, permission) {
		return status.Errorf(codes.PermissionDenied, "Permission '%s' denied on resource '%s' (or it may not exist).", permission, name)
	}
	return ctx.Err()
}

// Page cuts one out of a list that a request is about: size is what it asks for, at most and without a wish usual. A token
// goes with its request, all that which is said in the texts of about: another must not go on with it.
func Page[T any](all []T, size int32, token string, usual, most int, about ...string) (page []T, next string, err error) {
	if size < 0 {
		return nil, "", status.Errorf(codes.InvalidArgument, "page_size %d is negative", size)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", about))
	prefix := hex.EncodeToString(sum[:8]) + "-"
	from := 0
	if token != "" {
		text, ours := strings.CutPrefix(token, prefix)
		if from, err = strconv.Atoi(text); !ours || err != nil || from < 0 || from > len(all) {
			return nil, "", status.Errorf(codes.InvalidArgument, "page_token %q is not one of this request's", token)
		}
	}
	n := min(int(size), most)
	if n == 0 {
		n = usual
	}
	to := min(from+n, len(all))
	if to < len(all) {
		next = prefix + strconv.Itoa(to)
	}
	return all[from:to], next, nil
}
