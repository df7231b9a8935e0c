package caller

import (
	"encoding/json"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

// statuses are the HTTP statuses of gRPC's codes that stand-ins answer with.
// https://cloud.google.com/apis/design/errors#handling_errors
var statuses = map[codes.Code]int{
	codes.InvalidArgument: http.StatusBadRequest, codes.PermissionDenied: http.StatusForbidden, codes.NotFound: http.StatusNotFound,
	codes.ResourceExhausted: http.StatusTooManyRequests, codes.Unavailable: http.StatusServiceUnavailable,
}

// PassHTTP is [Gate.Pass] for a call by REST, whose caller is in the header of the same name.
func (g Gate) PassHTTP(r *http.Request, method, name, permission string) error {
	ctx := metadata.NewIncomingContext(r.Context(), metadata.Pairs(Header, r.Header.Get(Header)))
	return g.Pass(ctx, method, name, permission)
}

// Refuse answers a call by REST with an error.
func Refuse(w http.ResponseWriter, err error) {
	s := status.Convert(err)
	answer := statuses[s.Code()]
	if answer == 0 {
		answer = http.StatusInternalServerError
	}
	details := make([]any, 0, len(s.Details()))
	for _, d := range s.Proto().GetDetails() {
		if text, err := protojson.Marshal(d); err == nil {
			details = append(details, json.RawMessage(text))
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(answer)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": answer, "message": s.Message(), "details": details}})
}

// Answer answers a call by REST.
func Answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	json.NewEncoder(w).Encode(v)
}
