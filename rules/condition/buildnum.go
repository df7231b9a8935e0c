package condition

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

type addr = netip.Addr

// What a condition can end in instead of true or false. A rule with such a condition is to be repaired; the event is
// neither a match nor known to be none.
var (
	// ErrIndex is a list's index that is out of range.
	ErrIndex = errors.New("index out of range")
	// ErrDivide is a division by zero.
	ErrDivide = errors.New("division by zero")
	// ErrOverflow is a number beyond 64 bits.
	ErrOverflow = errors.New("number out of range")
	// ErrNumber is a text given to int() that spells no number.
	ErrNumber = errors.New("text is no number")
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (b *building) numCall(e ast.Expr, call ast.CallExpr) numNode {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Add:
		return b.arithmetic(args, addInts)
	case operators.Subtract:
		return b.arithmetic(args, subtractInts)
	case operators.Multiply:
		return b.arithmetic(args, multiplyInts)
	case operators.Divide:
		return b.arithmetic(args, divideInts)
	case operators.Modulo:
		return b.arithmetic(args, moduloInts)
	case operators.Negate:
		x := b.num(args[0])
		return partial(join(1, x.basis()), func(f *frame) int64 {
			v := x.eval(f)
			if v == math.MinInt64 {
				f.fail(ErrOverflow)
			}
			return -v
		})
	case operators.Conditional:
		return choose(b, args, b.num)
	case operators.Index:
		list, at := b.ints(args[0]), b.num(args[1])
		return partial(join(2, list.basis(), at.basis()), func(f *frame) int64 {
			mark := len(f.ints)
			l, i := list.eval(f), at.eval(f)
			f.ints = f.ints[:mark]
			if f.err != nil || i < 0 || i >= int64(len(l)) {
				f.fail(ErrIndex)
				return 0
			}
			return l[i]
		})
	case "int":
		s := b.text(args[0])
		return partial(join(10, s.basis()), func(f *frame) int64 {
			n, err := strconv.ParseInt(s.eval(f), 10, 64)
			if err != nil {
				f.fail(ErrNumber)
			}
			return n
		})
	case "len":
		s := b.text(call.Target())
		return newNode(join(1, s.basis()), func(f *frame) int64 { return int64(len(s.eval(f))) })
	case "size":
		if call.IsMemberFunction() {
			return b.size(call.Target())
		}
		return b.size(args[0])
	}
	b.unsupported(e)
	return konst(int64(0))
}

func partial(base basis, eval func(*frame) int64) numNode {
	base.total = false
	return newNode(base, eval)
}

func (b *building) size(e ast.Expr) numNode {
	if b.kind(e) == types.StringKind {
		s := b.text(e)
		return newNode(join(3, s.basis()), func(f *frame) int64 { return int64(utf8.RuneCountInString(s.eval(f))) })
	}
	if b.elem(e) == types.IntKind {
		l := b.ints(e)
		return newNode(join(1, l.basis()), func(f *frame) int64 {
			mark := len(f.ints)
			n := len(l.eval(f))
			f.ints = f.ints[:mark]
			return int64(n)
		})
	}
	l := b.texts(e)
	return newNode(join(1, l.basis()), func(f *frame) int64 {
		if l.addrs != nil {
			mark := len(f.addrs)
			n := len(l.addrs(f))
			f.addrs = f.addrs[:mark]
			return int64(n)
		}
		mark := len(f.texts)
		n := len(l.eval(f))
		f.texts = f.texts[:mark]
		return int64(n)
	})
}

func (b *building) arithmetic(args []ast.Expr, op func(x, y int64) (int64, error)) numNode {
	x, y := b.num(args[0]), b.num(args[1])
	return partial(join(1, x.basis(), y.basis()), func(f *frame) int64 {
		v, err := op(x.eval(f), y.eval(f))
		if err != nil {
			f.fail(err)
		}
		return v
	})
}

func addInts(x, y int64) (int64, error) {
	if y > 0 && x > math.MaxInt64-y || y < 0 && x < math.MinInt64-y {
		return 0, ErrOverflow
	}
	return x + y, nil
}

func subtractInts(x, y int64) (int64, error) {
	if y < 0 && x > math.MaxInt64+y || y > 0 && x < math.MinInt64+y {
		return 0, ErrOverflow
	}
	return x - y, nil
}

func multiplyInts(x, y int64) (int64, error) {
	if x == 0 || y == 0 {
		return 0, nil
	}
	p := x * y
	if p/y != x || x == math.MinInt64 && y == -1 || y == math.MinInt64 && x == -1 {
		return 0, ErrOverflow
	}
	return p, nil
}

func divideInts(x, y int64) (int64, error) {
	switch {
	case y == 0:
		return 0, ErrDivide
	case x == math.MinInt64 && y == -1:
		return 0, ErrOverflow
	}
	return x / y, nil
}

func moduloInts(x, y int64) (int64, error) {
	switch {
	case y == 0:
		return 0, ErrDivide
	case x == math.MinInt64 && y == -1:
		return 0, ErrOverflow
	}
	return x % y, nil
}
