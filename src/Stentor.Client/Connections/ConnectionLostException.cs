namespace Stentor.Client;

/// <summary>A connection could not be made or is over, and another one may do better. Never leaves the library.</summary>
internal sealed class ConnectionLostException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The least wait before the next attempt that the server asked for.</summary>
    public TimeSpan RetryAfter { get; init; }
}
