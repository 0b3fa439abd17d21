using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// A request was refused, or could not be brought to an end in its time. The one exception that this library throws for what servers and networks do;
/// only cancellation (<see cref="OperationCanceledException"/>) and the misuse of an object have their own. It never holds a secret or a token of a session.
/// </summary>
public sealed class StentorException : Exception
{
    /// <summary>Type, made by the client: no server could be reached, or none answered in time. Whether a publish was recorded is then unknown; the same id says it.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>Type, made by the client: history that a subscription needs is no longer held, and no <see cref="SubscribeOptions.OnGap"/> was given.</summary>
    public const string Gap = "gap";

    /// <summary>Makes one.</summary>
    /// <param name="type">One of <see cref="ErrorType"/>, <see cref="Unreachable"/> or <see cref="Gap"/>.</param>
    /// <param name="detail">What was wrong and what to do.</param>
    /// <param name="status">The HTTP status that goes with it; 0 when no server said it.</param>
    /// <param name="inner">The cause, or null.</param>
    public StentorException(string type, string detail, int status, Exception? inner = null)
        : base(detail, inner)
    {
        Type = type;
        Status = status;
    }

    /// <summary>The stable type: one of <see cref="ErrorType"/>, <see cref="Unreachable"/> or <see cref="Gap"/>.</summary>
    public string Type { get; }

    /// <summary>The HTTP status that goes with the type; 0 when no server said it.</summary>
    public int Status { get; }

    /// <summary>What was wrong and what to do.</summary>
    public string Detail => Message;

    /// <summary>When to come back, where the server said so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the same request may well succeed later or elsewhere: behind, undecided, not ready, rate-limited, unreachable.</summary>
    public bool IsTransient => Type is ErrorType.Behind or ErrorType.Undecided or ErrorType.NotReady or ErrorType.RateLimited or Unreachable;

    /// <summary>A refusal by this side, before anything was sent.</summary>
    internal static StentorException Of(ProtocolException e) => new(e.Type, e.Message, ErrorType.StatusOf(e.Type), e);

    internal static StentorException Malformed(string detail) => new(ErrorType.Malformed, detail, 400);
}
