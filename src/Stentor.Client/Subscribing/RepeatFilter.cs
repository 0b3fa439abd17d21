using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// What a reader of some channels was given, and so what it is not given again. Every region shows an origin's entries in the order of their numbers, so
/// the highest number received of each origin says it all: no list of single entries is kept.
/// </summary>
internal sealed class RepeatFilter
{
    private string? _lastToken;

    /// <summary>Everything of the reader's channels that this covers was given, or lies before its start. Null while the start is "now" and no server said what that is.</summary>
    public VersionVector? Seen { get; private set; }

    /// <summary>Starts after a vector.</summary>
    public void StartAfter(VersionVector seen) => Seen = (Seen ?? VersionVector.Empty).Merge(seen);

    /// <summary>Takes an entry in.</summary>
    /// <param name="origin">Its origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="token">The seen token that came with it, or null.</param>
    /// <returns>False when it was given before.</returns>
    /// <exception cref="ProtocolException">The token is none.</exception>
    public bool TryTake(OriginId origin, long seq, string? token)
    {
        var seen = Seen ?? VersionVector.Empty;
        var isNew = seen[origin] < seq;
        if (isNew)
        {
            seen = seen.With(origin, seq);
        }

        // A server sends the same token many times when little happens elsewhere.
        if (token is not null && token != _lastToken)
        {
            seen = seen.Merge(SeenToken.Decode(token));
            _lastToken = token;
        }

        Seen = seen;
        return isNew;
    }
}
