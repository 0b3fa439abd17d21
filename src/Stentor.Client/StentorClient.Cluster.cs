using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>A cluster's voters and regions, as far as the region that answered has applied.</summary>
/// <param name="Cluster">The cluster's id.</param>
/// <param name="Version">The version of the voter set, from 1.</param>
/// <param name="Majority">So many of the voters decide.</param>
/// <param name="Voters">Those who decide, in the order of their origins; 1 to 7.</param>
/// <param name="Proposed">Voter sets that are proposed and not decided; usually none.</param>
/// <param name="Regions">All regions that ever joined, in the order of their origins.</param>
/// <param name="Json">The whole answer.</param>
public sealed record ClusterVoters(
    string Cluster, int Version, int Majority, IReadOnlyList<OriginId> Voters, IReadOnlyList<ProposedVoters> Proposed, IReadOnlyList<ClusterMember> Regions, JsonElement Json);

/// <summary>A voter set that is proposed and not decided.</summary>
/// <param name="Voters">Who would vote.</param>
/// <param name="Votes">The present voters who have voted for it.</param>
public sealed record ProposedVoters(IReadOnlyList<OriginId> Voters, IReadOnlyList<OriginId> Votes);

/// <summary>A region of a cluster.</summary>
/// <param name="Origin">Its origin.</param>
/// <param name="Region">Its name.</param>
/// <param name="WishesVote">Whether it wishes to be a voter.</param>
/// <param name="HasLeft">Whether it has left, for good.</param>
/// <param name="IsVoter">Whether it is a voter.</param>
public sealed record ClusterMember(OriginId Origin, string Region, bool WishesVote, bool HasLeft, bool IsVoter);

/// <content>
/// The cluster's voters. Anyone may see them; changes are the operator's. While a change is not decided it is asked for again, up to
/// <see cref="StentorClientOptions.RequestDeadline"/>; it goes on by itself, and the same call repeated gives the outcome.
/// </content>
public sealed partial class StentorClient
{
    private const string VotersPath = "/v1/cluster/voters";

    // A server answers a leave after two waits of 5 s: for the decision, and for the copies.
    private static readonly TimeSpan ClusterLeaveWait = TimeSpan.FromSeconds(10);

    /// <summary>The cluster's voters and regions.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">The region is in no cluster, or there is no answer in time.</exception>
    public async Task<ClusterVoters> GetVotersAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return Answers.ReadVoters(await _api.SendAsync(new ApiRequest(HttpMethod.Get, VotersPath), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Makes a region a voter; one that is changes nothing.</summary>
    /// <param name="origin">The region's origin.</param>
    /// <param name="cancellationToken">Ends it; what was proposed goes on.</param>
    /// <returns>The voters as they are then.</returns>
    /// <exception cref="StentorException">It is refused, or not decided yet, or there is no answer in time.</exception>
    public Task<ClusterVoters> AddVoterAsync(OriginId origin, CancellationToken cancellationToken = default) => ChangeVotersAsync(Body(("add", origin.Value)), cancellationToken);

    /// <summary>Makes a region no voter any more; one that is none changes nothing. It does not become one again by itself.</summary>
    /// <param name="origin">The region's origin.</param>
    /// <param name="cancellationToken">Ends it; what was proposed goes on.</param>
    /// <returns>The voters as they are then.</returns>
    /// <exception cref="StentorException">It is refused, or not decided yet, or there is no answer in time.</exception>
    public Task<ClusterVoters> RemoveVoterAsync(OriginId origin, CancellationToken cancellationToken = default) => ChangeVotersAsync(Body(("remove", origin.Value)), cancellationToken);

    /// <summary>Puts one region in another's place: for a voter that lost its disk, and came back under a new origin.</summary>
    /// <param name="lost">The voter that will never vote again.</param>
    /// <param name="successor">The origin of the region that votes in its place.</param>
    /// <param name="cancellationToken">Ends it; what was proposed goes on.</param>
    /// <returns>The voters as they are then.</returns>
    /// <exception cref="StentorException">It is refused, or not decided yet, or there is no answer in time.</exception>
    public Task<ClusterVoters> ReplaceVoterAsync(OriginId lost, OriginId successor, CancellationToken cancellationToken = default)
    {
        var json = new ByteBuffer(256);
        json.Write("{\"replace\":["u8);
        JsonText.Write(lost.Value, json);
        json.Write(","u8);
        JsonText.Write(successor.Value, json);
        json.Write("]}"u8);
        return ChangeVotersAsync(json.WrittenSpan.ToArray(), cancellationToken);
    }

    /// <summary>
    /// Takes the region of the server in use out of its cluster, for good. When it returns, the region is no voter any more and another region has on disk all
    /// that it made: its nodes may be stopped.
    /// </summary>
    /// <param name="origin">The region's origin. Another region, to which this client may have failed over, refuses.</param>
    /// <param name="cancellationToken">Ends it; the region leaves all the same.</param>
    /// <returns>The voters that stay.</returns>
    /// <exception cref="StentorException">It is refused, or not decided yet, or there is no answer in time.</exception>
    public async Task<ClusterVoters> LeaveAsync(OriginId origin, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var request = new ApiRequest(HttpMethod.Post, "/v1/cluster/leave") { Body = Body(("origin", origin.Value)), Wait = ClusterLeaveWait };
        return Answers.ReadVoters(await _api.SendAsync(request, cancellationToken).ConfigureAwait(false));
    }

    private async Task<ClusterVoters> ChangeVotersAsync(ReadOnlyMemory<byte> change, CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        return Answers.ReadVoters(await _api.SendAsync(new ApiRequest(HttpMethod.Post, VotersPath) { Body = change }, cancellationToken).ConfigureAwait(false));
    }
}
