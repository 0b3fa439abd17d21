namespace Stentor.Client;

/// <summary>A publish whose outcome is not known yet.</summary>
/// <param name="number">Its place in the order of this client's publishes.</param>
/// <param name="id">Its publish id.</param>
/// <param name="rest">Its frame behind the <c>ref</c>.</param>
/// <param name="startedAt">When it started, as a timestamp.</param>
internal sealed class PendingPublish(long number, string id, byte[] rest, long startedAt)
{
    private readonly TaskCompletionSource<PublishOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Number => number;

    public string Id => id;

    public byte[] Rest => rest;

    public long StartedAt => startedAt;

    /// <summary>Its request on the present connection; 0 while it waits to be sent.</summary>
    public long Ref { get; set; }

    /// <summary>Whether it ever left: its fate is then in doubt until an outcome says it.</summary>
    public bool WasSent { get; set; }

    /// <summary>The last refusal that may not last; null for none.</summary>
    public StentorException? Refusal { get; set; }

    public Task<PublishOutcome> Outcome => _outcome.Task;

    public void Complete(PublishOutcome outcome) => _outcome.TrySetResult(outcome);

    public void Fail(Exception error) => _outcome.TrySetException(error);
}
