from aurora_mm.models.details.conv_detail_branch import ConvDetailBranch

__all__ = ['ConvDetailBranch']
