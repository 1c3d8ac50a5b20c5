package host

import (
	"context"

	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fault"
)

// question is a command that needs nothing but a connection.
type question func(ctx context.Context, b blob.Bucket, c *whatsapp.Client, cmd command.Command) (any, error)

var questions = map[command.Kind]question{
	command.CreateGroup: asking((*whatsapp.Client).CreateGroup),
	command.ShowGroup:   asking((*whatsapp.Client).ShowGroup),
	command.ListGroups:  asking((*whatsapp.Client).ListGroups),
	command.ChangeGroup: telling((*whatsapp.Client).ChangeGroup),
	command.MoveMembers: asking((*whatsapp.Client).MoveMembers),
	command.LeaveGroup:  telling((*whatsapp.Client).LeaveGroup),
	command.ShowInvite:  asking((*whatsapp.Client).ShowInvite),
	command.ReadInvite:  asking((*whatsapp.Client).ReadInvite),
	command.JoinGroup:   asking((*whatsapp.Client).JoinGroup),

	command.ShowPicture:  asking((*whatsapp.Client).ShowPicture),
	command.FetchPicture: asking((*whatsapp.Client).FetchPicture),
	command.SetPicture:   telling((*whatsapp.Client).SetPicture),
	command.ShowProfile:  asking((*whatsapp.Client).ShowProfile),
	command.SetProfile:   telling((*whatsapp.Client).SetProfile),
	command.ShowPrivacy: asking(func(c *whatsapp.Client, ctx context.Context, _ struct{}) (command.Privacy, error) {
		return c.ShowPrivacy(ctx)
	}),
	command.SetPrivacy: asking((*whatsapp.Client).SetPrivacy),
	command.Block:      telling((*whatsapp.Client).Block),
	command.MarkChat:   telling((*whatsapp.Client).MarkChat),
	command.LabelChat:  telling((*whatsapp.Client).LabelChat),
}

// asking is a command with an answer.
func asking[A, R any](do func(*whatsapp.Client, context.Context, A) (R, error)) question {
	return func(ctx context.Context, b blob.Bucket, c *whatsapp.Client, cmd command.Command) (any, error) {
		args, err := read[A](ctx, b, cmd)
		if err != nil {
			return nil, err
		}
		return do(c, ctx, args)
	}
}

// telling is a command without one.
func telling[A any](do func(*whatsapp.Client, context.Context, A) error) question {
	return asking(func(c *whatsapp.Client, ctx context.Context, args A) (any, error) { return nil, do(c, ctx, args) })
}

func (t *tenure) ask(ctx context.Context, s *session.Session, cmd command.Command) (any, error) {
	ask, known := questions[cmd.Kind]
	if !known {
		return nil, fault.New(fault.Invalid, "unknown command %q", cmd.Kind)
	}
	client, err := s.Client(ctx)
	if err != nil {
		return nil, err
	}
	return ask(ctx, t.cfg.Bucket, client, cmd)
}
