using FsCheck;
using FsCheck.Fluent;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>Names of teams and events and their channels, one to one.</summary>
public sealed class ScoreboardNamesTests
{
    [Theory]
    [InlineData("Gaul", "gaul")]
    [InlineData("Stone Curling", "stone-curling")]
    [InlineData("Stone-Curling", "stone_2dcurling")]
    [InlineData("stone_curling", "stone_5fcurling")]
    [InlineData("Côte d'Ivoire", "c_c3_b4te-d_27ivoire")]
    [InlineData("8½", "8_c2_bd")]
    public void A_name_has_one_token(string name, string token) => Assert.Equal(token, ScoreboardNames.TokenOf(name));

    [Fact]
    public void Two_names_share_a_token_only_when_they_differ_in_case_alone()
    {
        Prop.ForAll<string, string>((a, b) =>
            (ScoreboardNames.TokenOf(Clean(a)) == ScoreboardNames.TokenOf(Clean(b))) == (Lower(a) == Lower(b))).QuickCheckThrowOnFailure();
        Prop.ForAll<string>(a => Clean(a).Length == 0 || Clean(a).Length > 20 || ChannelName.IsValid("medals." + ScoreboardNames.TokenOf(Clean(a)))).QuickCheckThrowOnFailure();

        static string Lower(string? text) => Clean(text).ToLowerInvariant();
        static string Clean(string? text) => string.Concat((text ?? "").Where(c => !char.IsSurrogate(c)));
    }

    [Fact]
    public void Names_are_found_without_regard_to_case()
    {
        var teams = ScoreboardNames.Of(["Gaul", "Ägypten"], isTeam: true);

        Assert.Equal("medals.gaul", teams.Find("gAUL")?.Channel);
        Assert.Equal("Ägypten", teams.Find("äGYPTEN")?.Name);
        Assert.Null(teams.Find("Gau"));
        Assert.Null(teams.Find(new string('x', 100_000)));
        Assert.Equal("scores.gaul", ScoreboardNames.Of(["Gaul"], isTeam: false).Find("Gaul")?.Channel);
    }

    [Theory]
    [InlineData("Gaul", "GAUL")]
    [InlineData("", "Rome")]
    public void Names_that_cannot_be_told_apart_are_refused(string one, string other) =>
        Assert.Throws<FormatException>(() => ScoreboardNames.Of([one, other], isTeam: true));

    [Fact]
    public void A_name_too_long_for_a_channel_is_refused() => Assert.Throws<FormatException>(() => ScoreboardNames.Of([new string('x', 300)], isTeam: true));
}
