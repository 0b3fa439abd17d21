using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>A voter set that is proposed and not decided.</summary>
/// <param name="Voters">The set.</param>
/// <param name="Votes">The present voters who have voted for it.</param>
public sealed record VoterProposal(VoterSet Voters, IReadOnlyList<OriginId> Votes);
