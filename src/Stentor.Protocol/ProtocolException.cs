namespace Stentor.Protocol;

/// <summary>The other side said something that the contract does not allow. Caught once a connection or request and answered.</summary>
/// <param name="type">One of <see cref="ErrorType"/>.</param>
/// <param name="detail">What was wrong, what was expected and what to do.</param>
public sealed class ProtocolException(string type, string detail) : Exception(detail)
{
    /// <summary>One of <see cref="ErrorType"/>.</summary>
    public string Type { get; } = type;
}
