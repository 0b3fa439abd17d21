namespace Stentor.Node;

/// <summary>Where a reader's bytes go: a socket, or a pipe. One call at a time. None of its methods throws.</summary>
public interface ISink
{
    /// <summary>Takes as many bytes as it can without waiting.</summary>
    /// <param name="bytes">The bytes; not kept after the call.</param>
    /// <returns>How many it took; -1 when it is closed. When they are fewer than all, a call of <see cref="SendLater"/> follows.</returns>
    int Send(ReadOnlySpan<byte> bytes);

    /// <summary>Takes bytes that it could not take before, sends them when it can, and then calls <see cref="Reader.OnWritable"/>, also when it was closed meanwhile.</summary>
    /// <param name="rest">The bytes: the rest of the frame that was cut, or whole frames. The sink's until <see cref="Reader.OnWritable"/>.</param>
    /// <param name="reader">Whom to call.</param>
    void SendLater(ReadOnlyMemory<byte> rest, Reader reader);

    /// <summary>Closes the connection: what its reader is owed cannot be brought.</summary>
    void Abort();
}
