package redact

import "strings"

// A class is a set of bytes.
type class [256]bool

func classOf(s string) *class {
	var c class
	for i := range len(s) {
		c[s[i]] = true
	}
	return &c
}

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

var (
	alnum      = classOf(upper + lower + digits)
	upperNum   = classOf(upper + digits)
	wordClass  = classOf(upper + lower + digits + "_")
	base64URL  = classOf(upper + lower + digits + "_-")
	base64     = classOf(upper + lower + digits + "+/=")
	digitClass = classOf(digits)
	token68    = classOf(upper + lower + digits + "-._~+/=")
)

// run returns the end of the bytes of class c from i on.
func run(s string, i int, c *class) int {
	for i < len(s) && c[s[i]] {
		i++
	}
	return i
}

// tokenForms are the secrets that their issuers made recognisable: a prefix and at least min bytes of a class.
var tokenForms = []struct {
	prefix string
	min    int
	body   *class
}{
	{"AKIA", 16, upperNum},     // AWS access key id
	{"ASIA", 16, upperNum},     // the same, temporary
	{"AIza", 30, base64URL},    // Google API key
	{"GOCSPX-", 20, base64URL}, // Google OAuth client secret
	{"ya29.", 20, token68},     // Google OAuth access token
	{"1//0", 30, base64URL},    // Google OAuth refresh token
	{"ghp_", 30, alnum},        // GitHub: personal, OAuth, user, server, refresh
	{"gho_", 30, alnum},
	{"ghu_", 30, alnum},
	{"ghs_", 30, alnum},
	{"ghr_", 30, alnum},
	{"github_pat_", 22, wordClass},
	{"glpat-", 20, base64URL}, // GitLab
	{"xoxa-", 10, base64URL},  // Slack
	{"xoxb-", 10, base64URL},
	{"xoxe-", 10, base64URL},
	{"xoxp-", 10, base64URL},
	{"xoxr-", 10, base64URL},
	{"xoxs-", 10, base64URL},
	{"xapp-", 10, base64URL},
	{"sk_live_", 16, alnum}, // Stripe
	{"rk_live_", 16, alnum},
	{"sk-ant-", 20, base64URL},
	{"sk-proj-", 20, base64URL},
	{"SG.", 40, token68},    // SendGrid
	{"hvs.", 20, base64URL}, // Vault
	{"npm_", 30, alnum},
	{"dckr_pat_", 20, base64URL},
	{"AGE-SECRET-KEY-1", 50, upperNum},
	{"dop_v1_", 40, alnum}, // DigitalOcean
	{"glrt-", 20, base64URL},
	{"hf_", 30, alnum},
	{"pypi-", 50, base64URL},
	{"LS0tLS1CRUdJTiBQUklWQVRFIEtF", 40, base64}, // PEM keys in base64, as kubeconfigs and variables of pipelines hold them
	{"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBL", 40, base64},
	{"LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtF", 40, base64},
	{"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ", 40, base64},
	{"LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBL", 40, base64},
	{"eyJ0eXBlIjogInNlcnZpY2VfYWNjb3Vu", 40, base64}, // Google service account keys in base64
	{"eyJ0eXBlIjoic2VydmljZV9hY2NvdW50", 40, base64},
	{"ewogICJ0eXBlIjogInNlcnZpY2VfYWNjb3Vu", 40, base64},
}

// tokenStart holds the first bytes of tokenForms and of a JWT.
var tokenStart = func() *class {
	c := classOf("e")
	for _, f := range tokenForms {
		c[f.prefix[0]] = true
	}
	return c
}()

// token returns the end of the token that begins at i, or 0. Its cost is bounded by a token's least length, or it finds
// one and the caller goes on behind it: so a text of beginnings costs no more than another.
func token(s string, i int) int {
	if i > 0 && alnum[s[i-1]] {
		return 0
	}
	for _, f := range tokenForms {
		if f.prefix[0] != s[i] || !strings.HasPrefix(s[i:], f.prefix) {
			continue
		}
		body := i + len(f.prefix)
		if end := run(s, body, f.body); end-body >= f.min {
			return end
		}
	}
	return jwt(s, i)
}

// jwt finds a JSON web token: two base64 parts that both begin as {" does, and a signature, which may be cut off.
// A part is not begun within another, which keeps this linear.
func jwt(s string, i int) int {
	if !strings.HasPrefix(s[i:], "eyJ") || i > 0 && base64URL[s[i-1]] {
		return 0
	}
	header := run(s, i, base64URL)
	if header-i < 10 || !strings.HasPrefix(s[header:], ".eyJ") {
		return 0
	}
	end := run(s, header+1, base64URL)
	if end < len(s) && s[end] == '.' {
		end = run(s, end+1, base64URL)
	}
	return end
}
